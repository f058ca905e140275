-- Shells that are over are forgotten after some time; the log keeps who opened which.
grant delete on terminals to remotegpu_app;
create index terminals_ended on terminals (ended_at) where ended_at is not null;

# RemoteGPU's server as an image: the program from `cargo xtask release`, nothing built here.
#   cargo xtask release && docker build -t remotegpu --build-arg DIST=target/dist/remotegpu-<version>-linux-x86_64 .
#   docker run -p 3000:3000 -p 2026:2026 -v remotegpu:/var/lib/remotegpu -e REMOTEGPU_PUBLIC_URL=https://gpu.example.org -e REMOTEGPU_TRUSTED_PROXIES=1 remotegpu
# One proxy in front, as deploy/ has it; without one, leave REMOTEGPU_TRUSTED_PROXIES out: addresses would be what strangers say.
# With DATABASE_URL it uses that PostgreSQL; without, it keeps its own in the volume.
FROM debian:bookworm-slim

# Only what the program asks for at run time: its private PostgreSQL and its tools, and certificates of authorities.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates postgresql \
 && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/*

RUN useradd --system --uid 10001 --home-dir /var/lib/remotegpu --create-home --shell /usr/sbin/nologin remotegpu

ARG DIST
COPY ${DIST}/remotegpu /usr/local/bin/remotegpu

USER remotegpu
ENV REMOTEGPU_LISTEN=0.0.0.0:3000 \
    REMOTEGPU_DATA_DIR=/var/lib/remotegpu \
    REMOTEGPU_LOG_JSON=true
VOLUME /var/lib/remotegpu
EXPOSE 3000 2026
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["remotegpu", "healthcheck"]
ENTRYPOINT ["remotegpu"]
CMD ["serve"]

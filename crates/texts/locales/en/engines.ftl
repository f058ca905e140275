# Docker Engines: how one is reached, and what trying it found out.
engine-title = Docker Engine
engine-title-of = Docker Engine of { $name }
engine-hint = Containers of customers run there. Certificates and key are stored encrypted and are never shown again.
engine-none = Nobody has said yet how its engine is reached.
engine-address = Address
engine-expires = Certificates valid until
engine-expired = Certificates no longer valid since
engine-changed = Changed
engine-kind = Way
engine-kind-local = Socket on this server's own host
engine-kind-tcp = tcp:// with TLS
engine-socket = Socket
engine-socket-hint = For the socket only. Empty: /var/run/docker.sock.
engine-host = Host
engine-host-hint = The name or address that the engine's certificate is for.
engine-port = Port
engine-port-hint = 2376 if left empty.
engine-ca = CA certificate (PEM)
engine-ca-hint = The only CA that is trusted for this engine.
engine-certificate = Client certificate (PEM)
engine-key = Client key (PEM, without passphrase)
engine-keep = Empty keeps what is stored.
engine-remove = Forget the connection
engine-remove-confirm = Forget this connection
engine-remove-hint = Address, certificates and key are deleted here. The engine and its containers stay as they are.
engine-saved = Saved. Try it now.
engine-test = Test connection
engine-test-hint = Asks the engine what it is, as it is stored. Nothing is changed there.
engine-never-tested = Not tested since it was changed
engine-test-fine = The engine answers.
engine-test-done = Works
engine-test-failed = Does not work
engine-test-details = What came back
engine-version = Engine
engine-version-api = { $version } (API { $api })
engine-system = System
engine-kernel = Kernel
engine-cgroup = cgroup version
engine-storage = Storage driver
engine-runtimes = Runtimes
engine-nvidia-yes = NVIDIA runtime present
engine-nvidia-cdi = NVIDIA GPUs by CDI
engine-nvidia-unlisted = No NVIDIA runtime listed
engine-nvidia-advice = Docker does not list the toolkit’s hook, by which containers get GPUs as well: whether they do shows when an instance with GPUs starts. If it does not start, install nvidia-container-toolkit on the host, run “nvidia-ctk runtime configure --runtime=docker”, restart Docker, and test again.
engine-cpus = CPUs
engine-memory = Memory
engine-disks-unknown = It does not say how much its instances store
engine-id = Engine ID
engine-id-unknown = Not known
engine-other-title = Another engine
engine-other = Another engine answers
engine-other-hint = The engine that answers at this machine is not the one its instances are on: it calls itself differently and nothing of theirs is there, it was given up for another before, or it does not say what it is and their data is not there. Nothing is done on it, the instances are out of reach, and no new one is placed here. If that is a mistake, correct the address, or mount the engine’s data again; the instances are found again by themselves.
engine-other-since = Since
engine-other-id = ID of the engine that answers
engine-accept = Go on with this engine
engine-accept-question = { $instances ->
    [0] No instance is on the engine before.
    [one] 1 instance of this machine is made anew on the engine that answers now.
   *[other] { $instances } instances of this machine, of { $customers } { $customers ->
        [one] customer,
       *[other] customers,
    } are made anew on the engine that answers now.
} { $disks ->
    [0] None of them has a data disk.
    [one] 1 data disk begins empty, unless this engine has it already.
   *[other] { $disks } data disks begin empty, unless this engine has them already.
} Whose instances they are is told so. What is on the engine before stays there and is not copied; if that one answers again, nothing is done on it until you accept it. What this engine has of instances that were deleted meanwhile is removed.
engine-accept-confirm = Go on with this engine
engine-fault-name = The host's name has no address. Check its spelling and this server's name servers.
engine-fault-other-engine = Another engine answers than the one that this machine’s instances are on. Nothing is done there until the first is back or staff go on with this one on the machine’s Docker page.
engine-fault-forbidden = This address is never connected to: link-local addresses and those where clouds give out credentials are closed.
engine-fault-refused = Nobody listens there. Check the port, and that dockerd was started with -H tcp://…:2376 and --tlsverify.
engine-fault-refused-local = Nobody listens at this socket. Check the path, and that Docker runs on this server's host.
engine-fault-unreachable = No way leads to this address. Check routes and firewalls between this server and the host.
engine-fault-timeout = No answer in time. A firewall drops the connection, or something else listens there.
engine-fault-no-socket = There is no such socket on this server's host. Check the path, and that Docker runs here.
engine-fault-permission = The account this server runs as may not use the socket. Add it to the group docker, and restart the server.
engine-fault-not-tls = What answers there does not speak TLS. Check the port, and that dockerd was started with --tlsverify; Docker without TLS is open to everybody and not used.
engine-fault-closed = The other end hung up without a word. Check that a Docker Engine listens there, and its log.
engine-fault-certificate-expired = The engine's certificate is no longer valid. Make a new one for the engine.
engine-fault-certificate-not-yet = The engine's certificate is not valid yet. Check the clocks of the host and of this server.
engine-fault-certificate-name = The engine's certificate is for another name. Enter one of the names below as the host, or make a certificate for this one.
engine-fault-certificate-issuer = The engine's certificate is not signed by the stored CA. Store the CA that signed it.
engine-fault-certificate-other = The engine's certificate cannot be used, for example because it is not for servers. See the details below.
engine-fault-client-refused = The engine does not accept the client certificate. It has to be signed by the CA that dockerd was given with --tlscacert.
engine-fault-client-expired = The stored client certificate is no longer valid. Store a new one with its key.
engine-fault-own-certificate = The stored certificates cannot be read. Store them again.
engine-fault-tls = The connection could not be encrypted. See the details below and the engine's log.
engine-fault-not-engine = Something answers there, but it is no Docker Engine. Check host and port, or the path of the socket.
engine-fault-denied = The engine refuses the question. Check its authorization plugins.
engine-fault-version = The engine is too old: API 1.41 is needed, which is Docker 20.10 and newer.
engine-fault-image = The image is not there, or it is none.
engine-fault-image-gone = The image was rejected, or was deleted and is not kept any more.
engine-fault-spec = What is asked for cannot be a container. See the details below.
engine-fault-not-found = The engine does not have it, or what it has is not this installation's.
engine-fault-name-taken = The name is used on this engine by something that is not this installation's. Remove it there, or choose another name.
engine-fault-differs = A container of this name is there, and was made of something else. Remove it first.
engine-fault-host-file = A file of the machine that the container is to have is not there. For a part of a GPU it is libvgpu.so in the machine’s HAMi-core folder.
engine-fault-no-space = The engine's disk is full. Free space on the machine, for example by removing images that nobody uses.
engine-fault-port-taken = The port of the machine is used by something else. Choose another port, or end what uses it.
engine-fault-limits = The engine cannot limit this, does not have as much, or it is too little to start with. See the details below.
engine-fault-gpu-runtime = The engine cannot give this GPU. Check that nvidia-container-toolkit is set up on the machine, and that the GPU is there.
engine-fault-start-refused = The container does not start. What the engine says of it is below; often its command or its network is not there.
engine-fault-busy = It is in use, or just being changed. Try again in a moment.
engine-fault-other = The engine's answer was not expected. See the details below and its log.
engine-kind-agent = Through the machine’s agent, without any open port
engine-agent-hint = The agent connects to the socket its own configuration names (/var/run/docker.sock unless --docker-socket says otherwise) and dials out to this server. Nothing of the fields below is needed.
engine-certificates-valid = Valid
engine-certificates-ending = Ends soon
engine-certificates-expired = Expired
engine-fault-no-socket-agent = There is no such socket on the machine. Check that Docker runs there, or start its agent with --docker-socket and the right path.
engine-fault-permission-agent = The account the agent runs as may not use the socket. Run the agent as root, or add its account to the group docker and restart it.
engine-fault-refused-agent = Nobody listens at the machine’s socket. Check that Docker runs there.
engine-fault-closed-agent = The tunnel broke, or the engine hung up without a word. Check the agent’s and the engine’s log.
engine-fault-timeout-agent = The tunnel is there, and the engine does not answer in time. Check the engine’s log on the machine.
engine-fault-not-engine-agent = Something answers at the socket, but it is no Docker Engine. Check the path the agent was started with.
engine-fault-agent-offline = The machine’s agent is not linked to the platform. Check that it runs, and its log.
engine-fault-agent-elsewhere = The machine’s agent is linked to another server of this installation, and that one could not be asked for a tunnel. The details name it: check that servers reach each other at that address, and what peer_url says there.
engine-fault-agent-old = The machine’s agent is too old for tunnels. Install the current one.
engine-fault-tunnel-off = Tunnels are switched off in the agent’s configuration. Start it without --no-docker-tunnel.
engine-fault-tunnel-busy = As many tunnels to this machine are open as there may be. Try again later.
engine-fault-tunnel-back = The agent reached the engine, but could not come back to this server. Check that proxies between them let WebSockets pass, and the agent’s log.
engine-fault-tunnel-late = The agent did not answer in time. Check the network between the machine and this server, and the agent’s log.

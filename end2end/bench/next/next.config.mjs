// As a server of its own behind a proxy has it: what the proxy does is left to it.
export default { compress: false, poweredByHeader: false };

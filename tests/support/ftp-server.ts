// A real FTP server on a loopback port, Python's pyftpdlib, that serves one directory to one user.
//
// Needs `needs("pyftpdlib")`.

export interface FtpServer {
  readonly port: number;
  readonly stop: () => Promise<void>;
}

export interface FtpOptions {
  readonly user: string;
  readonly password: string;
  /** Whether it can start in the middle of a file (REST); it can unless this is false. */
  readonly rest?: boolean;
  /** As slow as this. */
  readonly bytesPerSecond?: number;
}

const program = `
import json, sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, ThrottledDTPHandler
from pyftpdlib.servers import FTPServer

options = json.loads(sys.argv[1])
authorizer = DummyAuthorizer()
authorizer.add_user(options["user"], options["password"], options["directory"], perm="elr")
FTPHandler.authorizer = authorizer
FTPHandler.auth_failed_timeout = 0
if not options["rest"]:
    FTPHandler.proto_cmds = {k: v for k, v in FTPHandler.proto_cmds.items() if k != "REST"}
if options["bytesPerSecond"]:
    ThrottledDTPHandler.write_limit = options["bytesPerSecond"]
    FTPHandler.dtp_handler = ThrottledDTPHandler
server = FTPServer(("127.0.0.1", 0), FTPHandler)
print(server.socket.getsockname()[1], flush=True)
server.serve_forever()
`;

/** Ready for connections when it resolves. */
export async function serveWithFtp(
  directory: string,
  { user, password, rest = true, bytesPerSecond = 0 }: FtpOptions,
): Promise<FtpServer> {
  const options = JSON.stringify({ directory, user, password, rest, bytesPerSecond });
  // A test run that is killed takes its servers along.
  const child = Bun.spawn(
    ["setpriv", "--pdeathsig", "KILL", "/usr/bin/python3", "-c", program, options],
    { stdin: "ignore", stdout: "pipe", stderr: "ignore" },
  );
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  if (value === undefined) throw new Error("the FTP server did not start");
  return {
    port: Number(Buffer.from(value).toString()),
    stop: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

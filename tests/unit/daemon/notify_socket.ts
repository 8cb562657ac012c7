import { AF_UNIX, SOCK_DGRAM } from "../../../ffi/constants.ts";

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i64", nonblocking: true },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

const libc = Deno.dlopen("libc.so.6", SYMBOLS);

/** A service manager's end of sd_notify(3): a Unix datagram socket, which Deno has no stable one of. */
export class NotifySocket implements Disposable {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** @param name a path, or an abstract name with "@" before it */
  static bind(name: string): NotifySocket {
    const fd = libc.symbols.socket(AF_UNIX, SOCK_DGRAM, 0);
    const path = new TextEncoder().encode(name);
    const address = new Uint8Array(2 + path.length + (name.startsWith("@") ? 0 : 1));
    address.set([AF_UNIX, 0]);
    address.set(path, 2);
    if (name.startsWith("@")) address[2] = 0;
    if (libc.symbols.bind(fd, address, address.length) < 0) throw new Error(`Cannot bind ${name}`);
    return new NotifySocket(fd);
  }

  /** The assignments of the next message. */
  async next(): Promise<string[]> {
    const buffer = new Uint8Array(4096);
    const length = await libc.symbols.recv(this.#fd, buffer, BigInt(buffer.length), 0);
    return new TextDecoder().decode(buffer.subarray(0, Number(length))).trimEnd().split("\n");
  }

  /** The first message from here on with this assignment in it. */
  async until(assignment: string): Promise<string[]> {
    for (;;) {
      const message = await this.next();
      if (message.includes(assignment)) return message;
    }
  }

  [Symbol.dispose](): void {
    libc.symbols.shutdown(this.#fd, 2);
    libc.symbols.close(this.#fd);
  }
}

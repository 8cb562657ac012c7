/** An empty folder that is gone, with all that is in it, when disposed of. */
export class TemporaryFolder implements Disposable {
  readonly path: string = Deno.makeTempDirSync({ dir: "/tmp", prefix: "simplevpn-test-" });

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

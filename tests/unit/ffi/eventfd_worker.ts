/// <reference lib="deno.worker" />
/** Notifies the eventfds that it is told, from a thread of its own. */
import { notifyEventFd } from "../../../ffi/eventfd.ts";

self.onmessage = ({ data }: MessageEvent<number>) => notifyEventFd(data);
self.postMessage("ready");

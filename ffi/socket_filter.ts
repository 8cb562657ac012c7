/** Filters that the kernel runs before a datagram enters a socket's queue (socket(7), classic BPF). */
import {
  BPF_ABS,
  BPF_B,
  BPF_JEQ,
  BPF_JGE,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_RET,
  BPF_W,
  SK_MEMINFO_DROPS,
  SK_MEMINFO_VARS,
  SKF_AD_OFF,
  SKF_AD_RANDOM,
  SO_ATTACH_FILTER,
  SO_DETACH_FILTER,
  SO_MEMINFO,
  SOL_SOCKET,
} from "./constants.ts";
import { check } from "./error.ts";
import { SOCK_FILTER, SOCK_FPROG } from "./layout.ts";
import { libc } from "./libc.ts";
import { NativeBuffer, writeUint64 } from "./native_buffer.ts";
import { trySetOption } from "./socket.ts";

/** A datagram's bytes stand behind its UDP header, with which what a filter sees begins. */
const PAYLOAD = 8;

/** What a filter returns: how many bytes may pass. */
const NOTHING = 0;
const ALL = 0xffffffff;

/** An instruction. The jumps, which the last two are, skip so many of those that follow. */
type Instruction = readonly [code: number, operand: number, ifTrue?: number, ifFalse?: number];

const MOST_INSTRUCTIONS = 8;
const program = new NativeBuffer(MOST_INSTRUCTIONS * SOCK_FILTER.size);
const header = new NativeBuffer(SOCK_FPROG.size);
const memory = new NativeBuffer(4 * SK_MEMINFO_VARS);
const length = new NativeBuffer(4);

/** What a sampling filter lets pass in any case: datagrams that have these bytes in two places. */
export interface Preferred {
  readonly first: { at: number; byte: number };
  readonly second: { at: number; byte: number };
}

/**
 * Lets a UDP socket have all datagrams that are preferred, and of the others a part that is drawn by lot.
 * Takes the place of the filter before, if there is one.
 *
 * @param part above 0, below 1
 * @throws {OsError} if the kernel does not take it
 */
export function sampleDatagrams(fd: number, { first, second }: Preferred, part: number): void {
  attach(fd, [
    [BPF_LD | BPF_B | BPF_ABS, PAYLOAD + first.at],
    [BPF_JMP | BPF_JEQ | BPF_K, first.byte, 0, 2],
    [BPF_LD | BPF_B | BPF_ABS, PAYLOAD + second.at],
    [BPF_JMP | BPF_JEQ | BPF_K, second.byte, 3, 0],
    [BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_RANDOM],
    [BPF_JMP | BPF_JGE | BPF_K, Math.floor(part * 2 ** 32), 0, 1],
    [BPF_RET | BPF_K, NOTHING],
    [BPF_RET | BPF_K, ALL],
  ]);
}

/** Takes the filter away. @throws {OsError} ENOENT if there is none */
export function detachFilter(fd: number): void {
  check("setsockopt", trySetOption(fd, SOL_SOCKET, SO_DETACH_FILTER, 0));
}

/**
 * Datagrams for a socket that the kernel dropped since it was opened, because of a filter or for want of
 * room in its queue: 32 bits. @throws {OsError}
 */
export function droppedDatagrams(fd: number): number {
  length.view.setUint32(0, memory.bytes.length, true);
  const result = libc.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory.address, length.address);
  check("getsockopt", result);
  return memory.view.getUint32(4 * SK_MEMINFO_DROPS, true);
}

function attach(fd: number, instructions: readonly Instruction[]): void {
  instructions.forEach(([code, operand, ifTrue = 0, ifFalse = 0], i) => {
    const at = i * SOCK_FILTER.size;
    program.view.setUint16(at + SOCK_FILTER.code, code, true);
    program.view.setUint8(at + SOCK_FILTER.jt, ifTrue);
    program.view.setUint8(at + SOCK_FILTER.jf, ifFalse);
    program.view.setUint32(at + SOCK_FILTER.k, operand, true);
  });
  header.view.setUint16(SOCK_FPROG.len, instructions.length, true);
  writeUint64(header.view, SOCK_FPROG.filter, program.address);
  const { address } = header;
  const { size } = SOCK_FPROG;
  check("setsockopt", libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, address, size));
}

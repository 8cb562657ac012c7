import { assertEquals, assertMatch } from "@std/assert";
import { isClockSynchronized } from "../../../ffi/clock_state.ts";
import { interfaceName } from "../../../ffi/interface.ts";
import { readKernelFile, readKernelFileIfAny } from "../../../ffi/kernel_file.ts";
import { interfaceTo } from "../../../ffi/rtnetlink.ts";

Deno.test("readKernelFile() reads what the kernel tells, whatever length it says it has", () => {
  assertMatch(readKernelFile("/proc/self/status"), /^Name:\t/);
  // Longer than what one call gives.
  assertEquals(readKernelFile("/proc/self/maps").length > 8192, true);
});

Deno.test("readKernelFileIfAny() gives undefined for what is not there, or is no file", () => {
  assertEquals(readKernelFileIfAny("/proc/no/such/file"), undefined);
  assertEquals(readKernelFileIfAny("/proc"), undefined);
  assertMatch(readKernelFileIfAny("/proc/self/status")!, /^Name:\t/);
});

Deno.test("interfaceTo() names the interface by which packets leave", () => {
  assertEquals(interfaceName(interfaceTo(0x7f000001)!), "lo");
  assertEquals(interfaceName(2 ** 30), undefined);
});

Deno.test("isClockSynchronized() is told by the kernel", () => {
  assertEquals(typeof isClockSynchronized(), "boolean");
});

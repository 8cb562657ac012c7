import { assertEquals, assertMatch } from "@std/assert";
import { isClockSynchronized } from "../../../ffi/clock_state.ts";
import { interfaceName } from "../../../ffi/interface.ts";
import { readKernelFile, readKernelFileIfAny } from "../../../ffi/kernel_file.ts";
import { wayTo } from "../../../ffi/rtnetlink.ts";

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

Deno.test("wayTo() names the interface by which packets leave, and their source", () => {
  const { interfaceIndex, source } = wayTo(0x7f000001);
  assertEquals([interfaceName(interfaceIndex!), source], ["lo", 0x7f000001]);
  assertEquals(interfaceName(2 ** 30), undefined);
});

Deno.test("isClockSynchronized() is told by the kernel", () => {
  assertEquals(typeof isClockSynchronized(), "boolean");
});

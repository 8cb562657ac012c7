import { assertEquals } from "@std/assert";
import { Enquiry } from "../../../daemon/enquiry.ts";

Deno.test("who asks before an answer has come is given the same one, and who asks later another", async () => {
  let asked = 0;
  const enquiry = new Enquiry<string>(() => asked++);
  enquiry.answered("to nobody");
  const early = [enquiry.report(), enquiry.report()];
  assertEquals(asked, 1);
  enquiry.answered("first");
  assertEquals(await Promise.all(early), ["first", "first"]);
  const late = enquiry.report();
  assertEquals(asked, 2);
  enquiry.answered("second");
  assertEquals(await late, "second");
});

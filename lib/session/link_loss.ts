import { CloseReason, describeClose } from "../protocol/control.ts";
import type { ChannelLoss } from "./channel_owner.ts";

/** Why a link was lost, and what that means for the next attempt. */
export interface LinkLoss {
  reason: string;
  /** What may be behind that, as a question to whoever has no other connection. */
  hint?: string;
  /** `never` if the server will say the same again, `later` if only time may change that. */
  again?: "never" | "later";
  /** The address that this client asked for, if the server refused it. */
  refused?: number;
  /** Whether the server ended the session, with all connections that it has. */
  endsSession?: boolean;
}

const CHANNEL_LOSSES: Readonly<Record<ChannelLoss, string>> = {
  forged: "what came is not what the server sent: somebody on the way changed it",
  silent: "the server was silent for too long",
  exhausted: "the server did not make new keys in time",
  overrun: "the connection takes nothing any more",
};

/** After these the server would only say the same again. */
const FINAL = [
  CloseReason.Removed,
  CloseReason.InviteUsed,
  CloseReason.InviteExpired,
  CloseReason.InviteRevoked,
];

/** After these another attempt is worth while, but not at once. */
const LASTING = [
  CloseReason.Replaced,
  CloseReason.Disabled,
  CloseReason.AddressRefused,
  CloseReason.NoAddress,
];

/** What it means that a link's channel is lost. */
export function channelLoss(reason: ChannelLoss): LinkLoss {
  return { reason: CHANNEL_LOSSES[reason] };
}

/** What it means that the server ended the session, and said why. */
export function closeLoss(code: number): LinkLoss {
  const loss: LinkLoss = {
    reason: `the server says that ${describeClose(code)}`,
    endsSession: true,
  };
  if (FINAL.includes(code)) loss.again = "never";
  else if (LASTING.includes(code)) loss.again = "later";
  return loss;
}

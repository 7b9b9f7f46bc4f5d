/**
 * For servers to which anybody may connect: whoever says nothing, or nothing whole, is waited for neither while they
 * run nor when they end. A connection that has said nothing yet would else keep a process from ending, without an end.
 */
export const IMPATIENT = { requestTimeout: 10_000, forceCloseConnections: true } as const

import type { Call } from '../call.ts'
import { Refusal } from '../refusal.ts'
import { withoutLastSlashes } from '../slashes.ts'
import type { Caller, Tokens } from '../tokens.ts'

/** Audiences that ARM and the workspaces' own data planes accept, without a trailing slash. */
const AUDIENCES = new Set([
  'https://management.azure.com',
  'https://management.core.windows.net',
  'https://ml.azure.com',
  'https://ai.azure.com',
])

/** Audience of clients that came to know ARM by the metadata of the emulator's own cloud. */
const OWN_AUDIENCE = /^https:\/\/localhost:\d+$/

/** Checks the bearer token of a call to ARM or to a workspace's data plane. */
export async function bearer(call: Call, tokens: Tokens, accepted: ReadonlySet<string> = AUDIENCES): Promise<Caller> {
  const [scheme, token] = (call.headers.authorization ?? '').split(' ')
  if (scheme?.toLowerCase() !== 'bearer' || token === undefined) {
    throw new Refusal(401, 'AuthenticationFailed', "Authentication failed. The 'Authorization' header is missing.", {
      'www-authenticate': 'Bearer authorization_uri="https://login.microsoftonline.com/", error="invalid_token"',
    })
  }
  const caller = await tokens.verify(token)
  if (caller === undefined)
    throw new Refusal(401, 'InvalidAuthenticationToken', 'The access token is invalid or has expired.')
  const audience = withoutLastSlashes(caller.audience)
  if (!accepted.has(audience) && !OWN_AUDIENCE.test(audience)) {
    throw new Refusal(
      401,
      'InvalidAuthenticationTokenAudience',
      `The access token has the audience '${caller.audience}', which is not accepted here.`,
    )
  }
  return caller
}

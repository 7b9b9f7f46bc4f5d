import type { SavedActs } from '../saved/acts.ts'
import { type ControlReply, type ControlRoute, Misuse } from './control-call.ts'

/** Saving and loading of states. `status` is what a load answers. */
export function savedRoutes(saved: SavedActs, status: () => Promise<ControlReply>): readonly ControlRoute[] {
  const list = () => ({ status: 200, body: { saved: saved.list() } })
  return [
    ['GET', /^\/emulator\/saved$/, list],
    [
      'PUT',
      /^\/emulator\/saved\/([^/]+)$/,
      async ({ params: [name = ''], body }) => {
        await saved.save(nameOf(name), replaceIn(body))
        return list()
      },
    ],
    [
      'POST',
      /^\/emulator\/saved\/([^/]+)\/load$/,
      async ({ params: [name = ''] }) => {
        await saved.load(nameOf(name))
        return status()
      },
    ],
    [
      'DELETE',
      /^\/emulator\/saved\/([^/]+)$/,
      async ({ params: [name = ''] }) => {
        await saved.remove(nameOf(name))
        return list()
      },
    ],
  ]
}

function replaceIn(body: unknown): boolean {
  const { replace = false } = (body ?? {}) as { readonly replace?: unknown }
  if (typeof replace === 'boolean') return replace
  throw new Misuse(400, '`replace` must be true or false.')
}

/** Of what is no name, some must be escaped in a path; that it is none is said of what was meant. */
function nameOf(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

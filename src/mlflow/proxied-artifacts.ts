import { Fault } from '../core/errors.ts'
import type { ArtifactFile, Artifacts } from './artifacts.ts'
import { callsOf, listOf, refused, textOf } from './call.ts'
import { openPace, type Pace } from './pace.ts'
import { FIRST_WAIT, LONGEST_ASKED, type Server, TRIES, waitIn } from './server.ts'
import { sourceBytes } from './source-bytes.ts'

const SCHEME = 'mlflow-artifacts:'
const API = '/api/2.0/mlflow-artifacts/artifacts'
/** Folders in folders that are followed: a listing that goes deeper goes round. */
const DEEPEST = 64

/**
 * Artifacts that a tracking server itself hands out, `mlflow-artifacts:`.
 * https://mlflow.org/docs/latest/self-hosting/architecture/artifact-store/
 */
export function proxiedArtifacts(server: Server): Artifacts {
  const { call } = callsOf(server.send)
  const [reading, writing] = [openPace(), openPace()]

  async function* files(root: string, signal: AbortSignal, below = '', depth = 0): AsyncIterable<ArtifactFile> {
    if (depth > DEEPEST) throw unsafe(below)
    const path = below === '' ? folderOf(root) : `${folderOf(root)}/${below}`
    const page = await call({ method: 'GET', path: API, query: { path }, signal })
    for (const file of listOf(page['files'])) {
      const name = textOf(file['path'])
      const here = below === '' ? name : `${below}/${name}`
      if (name === '' || name === '.' || name === '..' || name.includes('/')) throw unsafe(here)
      if (file['is_dir'] === true) yield* files(root, signal, here, depth + 1)
      else yield { path: here, length: Number(file['file_size'] ?? 0) }
    }
  }

  async function read(root: string, path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined> {
    const at = urlOf(root, path)
    const ask = () => server.bytes({ method: 'GET', path: at, signal })
    const answer = await paced(reading, ask, { tries: TRIES, signal })
    if (answer.status === 404) {
      await answer.body?.cancel()
      return undefined
    }
    if (!answer.ok) throw await refusal(at, answer)
    if (answer.body === null) return nothing()
    return sourceBytes(answer.body, (thrown) => (signal.aborted ? signal.reason : brokenOff(at, answer, thrown)))
  }

  return {
    reaches: (root) => root.startsWith(SCHEME),
    files: (root, signal) => files(root, signal),
    read,
    write: async (root, path, { bytes, signal }) => {
      const at = urlOf(root, path)
      const ask = () => server.bytes({ method: 'PUT', path: at, body: bytes, signal })
      // The bytes pass once: who has the file opens it anew, and waits for its turn here.
      const answer = await paced(writing, ask, { tries: 1, signal })
      if (!answer.ok) throw await refusal(at, answer)
      await answer.body?.cancel()
    },
  }
}

/** Sends when the limit permits it, and again what it refused. */
async function paced(
  pace: Pace,
  ask: () => Promise<Response>,
  { tries, signal }: { readonly tries: number; readonly signal: AbortSignal },
): Promise<Response> {
  for (let tried = 1; ; tried++) {
    const turn = await pace.turn(signal)
    const answer = await ask()
    if (answer.status !== 429) {
      pace.took()
      return answer
    }
    const wait = waitIn(answer).wait ?? FIRST_WAIT * 2 ** tried
    if (wait > LONGEST_ASKED) return answer
    pace.refused(turn, wait)
    if (tried >= tries) return answer
    await answer.body?.cancel()
  }
}

/** The folder that a root means to the server, without its scheme and host. */
function folderOf(root: string): string {
  return new URL(root).pathname.replace(/^\/+/, '').replace(/\/+$/, '').split('/').map(decodeURIComponent).join('/')
}

/** Throws `azure/refused` for a path that would lead out of the root. */
function urlOf(root: string, path: string): string {
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..')) throw astray(path)
  return `${API}/${`${folderOf(root)}/${path}`.split('/').map(encodeURIComponent).join('/')}`
}

async function refusal(path: string, answer: Response): Promise<Fault> {
  const message = (await answer.text()).slice(0, 300)
  return refused({ path }, { status: answer.status, body: { message } })
}

/** It did answer: what it breaks off is one file, and whether it is gone altogether shows with the next. */
function brokenOff(path: string, { status }: Response, thrown: unknown): Fault {
  const why = thrown instanceof Error ? thrown.message : String(thrown)
  return new Fault('azure/unreachable', `The tracking server broke off ${path} before its end: ${why}`, {
    facts: { status },
    hint: 'Look at the health of the tracking server; run it again when it answers.',
    cause: thrown,
  })
}

function astray(path: string): Fault {
  return new Fault(
    'azure/refused',
    `${JSON.stringify(path)} is no name of a file: a part of it is empty, \`.\` or \`..\``,
    {
      hint: 'Give the file another name where it comes from.',
    },
  )
}

function unsafe(path: string): Fault {
  return new Fault('observe/incomplete', `The tracking server lists a file under the name ${JSON.stringify(path)}`, {
    hint: 'Look at the artifacts of this run: no client writes a file under such a name.',
  })
}

async function* nothing(): AsyncIterable<Uint8Array> {}

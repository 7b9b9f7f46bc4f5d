import type { Azure } from '../../azure/open-azure.ts'
import { Fault } from '../../core/errors.ts'
import type { Side } from '../../core/model.ts'
import type { Question } from '../../engine/prober.ts'
import type { Server } from '../../mlflow/server.ts'

/** Throws where the storage does not answer. */
export type StorageProbe = (signal: AbortSignal) => Promise<void>

/** A read that needs the server's database. `/health` answers without it. */
export const HISTORY = '/api/2.0/mlflow/experiments/get?experiment_id=0'
/** A read that needs its artifact store. */
const ARTIFACTS = '/api/2.0/mlflow-artifacts/artifacts?path=.holdfast-probe'
/** Names the option in the answer of a server that was told to hand no artifacts out. */
const HANDS_OUT_NONE = '--no-serve-artifacts'

/** The questions of one tracking server, one a plane. Its files lie with the server, or behind `storage` as well. */
export function questionsOf(side: Side, server: Server, storage: readonly StorageProbe[]): readonly Question[] {
  const askFiles = async (signal: AbortSignal) => {
    const [answer] = await Promise.all([answers(server, ARTIFACTS, signal), ...storage.map((ask) => ask(signal))])
    return answer
  }
  return [
    { side, plane: 'history', ask: (signal) => answers(server, HISTORY, signal) },
    { side, plane: 'data', ask: askFiles },
  ]
}

/** Asks whether an account is there at all, which needs no right to it. */
export function storageProbe(azure: Pick<Azure, 'probe'>, account: string): StorageProbe {
  const url = `https://${account}.blob.core.windows.net/?comp=list`
  return async (signal) => {
    const { status } = await azure.probe({ method: 'HEAD', url, signal })
    if (status >= 500) throw failing(url, status)
  }
}

/** One try. Anything but a failure of the server is an answer: who refuses, or finds nothing, is there. */
export async function answers(
  server: Server,
  path: string,
  signal: AbortSignal,
): Promise<{ readonly sourceTime?: number }> {
  const answer = await server.bytes({ method: 'GET', path, signal })
  const text = await answer.text()
  if (answer.status >= 500 && !text.includes(HANDS_OUT_NONE)) throw failing(server.uri, answer.status)
  const date = Date.parse(answer.headers.get('date') ?? '')
  return Number.isNaN(date) ? {} : { sourceTime: date }
}

/** Reaches what depends on neither side. */
export async function reaches(url: string, signal: AbortSignal): Promise<void> {
  const answer = await fetch(url, { signal })
  await answer.body?.cancel()
  if (answer.status >= 500) throw failing(url, answer.status)
}

function failing(url: string, status: number): Fault {
  return new Fault('azure/unreachable', `${new URL(url).host} answered ${status}`, { facts: { status } })
}

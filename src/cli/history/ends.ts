import { Fault } from '../../core/errors.ts'
import { type Credentials, credentialsOf } from '../../mlflow/server.ts'
import { type OpenEnd, openServerEnd } from '../reach-history.ts'

export interface OpenEnds {
  readonly from: OpenEnd
  readonly to: OpenEnd
  close(): void
}

/** Opens both ends by what they are called. */
export async function openEnds({
  from,
  to,
}: {
  readonly from: string
  readonly to: string
  readonly signal: AbortSignal
}): Promise<OpenEnds> {
  if (from.replace(/\/+$/, '') === to.replace(/\/+$/, '')) throw same(from)
  const ends = { from: openEnd(from, 'FROM'), to: openEnd(to, 'TO') }
  return { ...ends, close: () => undefined }
}

function openEnd(named: string, side: 'FROM' | 'TO'): OpenEnd {
  if (/^https?:\/\//.test(named)) return openServerEnd(named, credentials(side))
  throw unknown(named)
}

/** Of one side where it has its own, otherwise those of MLflow's client. */
function credentials(side: 'FROM' | 'TO'): Credentials {
  const own = Object.fromEntries(
    ['USERNAME', 'PASSWORD', 'TOKEN'].map((name) => [
      `MLFLOW_TRACKING_${name}`,
      process.env[`HOLDFAST_${side}_TRACKING_${name}`],
    ]),
  )
  const given = credentialsOf(own)
  return given.by === 'nothing' ? credentialsOf(process.env) : given
}

function same(named: string): Fault {
  return new Fault('usage/bad-argument', `FROM and TO are both ${named}`, { hint: 'Name two places.' })
}

function unknown(named: string): Fault {
  return new Fault('usage/bad-argument', `${named} is neither a tracking server nor a workspace`, {
    hint: 'Give a URI such as http://127.0.0.1:5000, or the ARM id of a workspace.',
  })
}

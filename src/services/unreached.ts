import { Fault } from '../core/errors.ts'
import { registry, serverRegistry } from './registry.ts'
import type { Service } from './service.ts'

/** The services of a workspace, with nothing behind them: they can say what they are, and no more. */
export function unreachedServices(): readonly Service[] {
  return registry({
    arm: refusing('arm'),
    blobs: refusing('blobs'),
    checkpoints: refusing('checkpoints'),
    trackingOf: () => refusing('tracking'),
    runsOf: () => refusing('runs'),
  })
}

/** The same of a tracking server. */
export function unreachedServerServices(): readonly Service[] {
  return serverRegistry({ runsOf: () => refusing('runs'), historyOf: () => refusing('history') })
}

/** Whoever reaches for a side here has a defect. */
function refusing<T extends object>(name: string): T {
  return new Proxy({} as T, {
    get: (_target, property) => {
      throw new Fault('run/defect', `${name}.${String(property)} was asked for where there is no side`)
    },
  })
}

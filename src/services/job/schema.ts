import type { JsonObject } from '../../core/model.ts'
import { propertiesOf, textOf } from '../arm-body.ts'

/** `services` are addresses that Azure computes for a page in the studio. */
export const JOB_SCHEMA = { readOnly: new Set(['services']) }

const ENDED = new Set(['completed', 'failed', 'canceled', 'notresponding', 'paused'])

/** True for a job that runs or may still run: it is what a fence must stop. */
export function isOpen(resource: JsonObject): boolean {
  const status = textOf(propertiesOf(resource)['status'])
  return status !== undefined && !ENDED.has(status.toLowerCase())
}

/** True for a job that came with another: a step of a pipeline, a trial of a sweep. */
export function isChild(resource: JsonObject): boolean {
  return textOf(propertiesOf(resource)['parentJobName']) !== undefined
}

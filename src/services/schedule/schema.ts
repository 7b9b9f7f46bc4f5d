import type { JsonObject } from '../../core/model.ts'
import { propertiesOf, withProperties } from '../arm-body.ts'

export const SCHEDULE_SCHEMA = { readOnly: new Set(['provisioningState']) }

export function isEnabled(body: JsonObject): boolean {
  return propertiesOf(body)['isEnabled'] !== false
}

/** A schedule that stands by never fires, under no mode: two sides would submit the same job twice. */
export function parkedBody(body: JsonObject): JsonObject {
  return isEnabled(body) ? withProperties(body, { isEnabled: false }) : body
}

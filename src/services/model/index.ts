import type { Arm } from '../../azure/arm.ts'
import type { Service } from '../service.ts'
import { versionedAsset } from '../versioned-asset.ts'
import { MODEL_KIND } from './schema.ts'

/** Registered models: containers and their versions. See ./readme.md. */
export function models(arm: Arm): Service {
  return versionedAsset(arm, MODEL_KIND)
}

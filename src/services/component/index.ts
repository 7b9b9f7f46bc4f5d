import type { Arm } from '../../azure/arm.ts'
import type { Service } from '../service.ts'
import { versionedAsset } from '../versioned-asset.ts'
import { COMPONENT_KIND } from './schema.ts'

/** Components: containers and their versions. See ./readme.md. */
export function components(arm: Arm): Service {
  return versionedAsset(arm, COMPONENT_KIND)
}

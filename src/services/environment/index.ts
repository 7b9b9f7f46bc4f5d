import type { Arm } from '../../azure/arm.ts'
import type { Service } from '../service.ts'
import { versionedAsset } from '../versioned-asset.ts'
import { ENVIRONMENT_KIND } from './schema.ts'

/** Environments of users: containers and their versions. See ./readme.md. */
export function environments(arm: Arm): Service {
  return versionedAsset(arm, ENVIRONMENT_KIND)
}

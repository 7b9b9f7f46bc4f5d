import type { Arm } from '../../azure/arm.ts'
import type { Service } from '../service.ts'
import { versionedAsset } from '../versioned-asset.ts'
import { CODE_KIND } from './schema.ts'

/** Code that jobs and components run: containers and their versions. See ./readme.md. */
export function codes(arm: Arm): Service {
  return versionedAsset(arm, CODE_KIND)
}

import type { Arm } from '../../azure/arm.ts'
import type { Service } from '../service.ts'
import { versionedAsset } from '../versioned-asset.ts'
import { DATA_KIND } from './schema.ts'

/** Data assets: containers and their versions, and never the data itself. See ./readme.md. */
export function dataAssets(arm: Arm): Service {
  return versionedAsset(arm, DATA_KIND)
}

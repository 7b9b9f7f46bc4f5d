import { ASSET_MUTABLE, ASSET_READ_ONLY, type AssetKind } from '../versioned-asset.ts'

export const MODEL_KIND: AssetKind = {
  kind: 'model',
  collection: 'models',
  needs: ['datastore', 'blob'],
  archives: true,
  ordered: true,
  schema: { readOnly: ASSET_READ_ONLY },
  mutable: ASSET_MUTABLE,
}

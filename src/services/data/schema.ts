import { ASSET_MUTABLE, ASSET_READ_ONLY, type AssetKind } from '../versioned-asset.ts'

export const DATA_KIND: AssetKind = {
  kind: 'data',
  collection: 'data',
  needs: ['datastore', 'blob'],
  archives: true,
  ordered: true,
  schema: { readOnly: ASSET_READ_ONLY },
  mutable: ASSET_MUTABLE,
}

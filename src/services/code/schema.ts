import { ASSET_MUTABLE, ASSET_READ_ONLY, type AssetKind } from '../versioned-asset.ts'

export const CODE_KIND: AssetKind = {
  kind: 'code',
  collection: 'codes',
  needs: ['blob'],
  archives: false,
  ordered: false,
  schema: { readOnly: ASSET_READ_ONLY },
  mutable: ASSET_MUTABLE,
}

import { ASSET_MUTABLE, ASSET_READ_ONLY, type AssetKind } from '../versioned-asset.ts'

export const COMPONENT_KIND: AssetKind = {
  kind: 'component',
  collection: 'components',
  needs: ['environment', 'code'],
  archives: true,
  ordered: true,
  schema: { readOnly: ASSET_READ_ONLY },
  mutable: ASSET_MUTABLE,
}

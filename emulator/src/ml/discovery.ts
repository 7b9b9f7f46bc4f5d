import type { Plane } from '../call.ts'
import type { Region } from '../region.ts'
import { armError } from './plane.ts'

/** The document that `discoveryUrl` of a workspace points to: where the region's data planes are. Asked without a token. */
export function discovery(region: Region): Plane {
  const host = `${region.name}.api.azureml.ms`
  const url = `https://${host}`
  const body = {
    api: url,
    catalog: url,
    experimentation: url,
    gallery: 'https://gallery.cortanaintelligence.com/project',
    history: url,
    hyperdrive: url,
    labeling: url,
    modelmanagement: url,
    pipelines: url,
    studiocoreservices: url,
    notebooks: `https://${region.name}.notebooks.azure.net`,
    inferencing: url,
    studio: 'https://ml.azure.com',
  }
  return {
    name: 'discovery',
    offers: [{ operation: 'discovery', method: 'GET', path: '/discovery/workspaces/:id', served: true }],
    serves: (asked, path) => asked === host && /^\/+discovery(\/workspaces\/[^/]+)?\/?$/i.test(path),
    authenticate: async () => ({ id: 'anonymous', audience: '' }),
    handle: async () => ({ status: 200, body }),
    refuse: armError,
  }
}

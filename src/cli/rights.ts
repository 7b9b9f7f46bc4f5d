/** The least roles for what a person wants to do, on a side's resource group and on its default storage account, or where it is said. */
export interface Right {
  readonly to: string
  readonly verbs: readonly string[]
  readonly onActive: readonly string[]
  readonly onStandby: readonly string[]
}

const LOOK = ['Reader', 'Storage Blob Data Reader'] as const
const WRITE = ['Contributor', 'Storage Blob Data Contributor'] as const

const MOVES = ['failover', 'switchover', 'failback', 'serve'] as const

/**
 * Roles by what is to be done, the built-in ones. `docs/guides/run-on-azure.md` says why each; the emulator enforces
 * none of them.
 */
export const RIGHTS: readonly Right[] = [
  { to: 'observe', verbs: ['init', 'inventory', 'plan', 'drift', 'vantage'], onActive: LOOK, onStandby: LOOK },
  { to: 'make the standby', verbs: ['apply'], onActive: ['Reader'], onStandby: ['Contributor'] },
  // Secrets of datastores are asked for by an action, which Reader lacks.
  { to: 'replicate', verbs: ['sync'], onActive: [...LOOK, 'AzureML Data Scientist'], onStandby: WRITE },
  // The roles of the sides swap, and what is left is fenced.
  { to: 'fail over and come back', verbs: [...MOVES], onActive: WRITE, onStandby: WRITE },
  // Quota is the subscription's. Without it a switchover is refused.
  {
    to: 'see whether quota carries it',
    verbs: ['plan', ...MOVES],
    onActive: [],
    onStandby: ['Reader on the subscription'],
  },
]

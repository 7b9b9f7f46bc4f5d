import type { Policy } from '../../src/core/policy.ts'

const MINUTE = 60_000

function workspace(side: string): string {
  return `/subscriptions/s/resourceGroups/g-${side}/providers/Microsoft.MachineLearningServices/workspaces/w`
}

/** A policy that follows every few seconds and fails over by itself, watched from three hosts. */
export const FOLLOWED: Policy = {
  name: 'churn',
  primary: { workspace: workspace('primary') },
  secondary: { location: 'centralus', workspace: workspace('secondary') },
  residency: 'geography',
  objectives: { rpo: 5 * MINUTE, rto: 15 * MINUTE },
  sync: { every: 10_000, history: 'all', exclude: [], conflict: 'map', removes: [] },
  availability: { default: 'hot/warm', kinds: {}, rules: [] },
  failover: {
    mode: 'automatic',
    after: 30_000,
    vantagePoints: ['one', 'two', 'three'].map((name) => ({ name, host: name, url: `http://${name}.example/` })),
    maxLoss: 60 * MINUTE,
    coolDown: 30 * MINUTE,
    approvalExpires: 60 * MINUTE,
    demo: false,
  },
  switchover: { jobs: 'wait', wait: 30 * MINUTE },
  pointer: [],
  mappings: {},
  maintenance: [],
  notify: [],
}

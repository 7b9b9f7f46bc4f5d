/**
 * Every service that the vendor's guidance on business continuity names, with what this release does for it.
 * A row changes when the code does: service, state, words.
 */
export const GUIDANCE: readonly (readonly [service: string, state: string, words: string])[] = [
  [
    'Workspace',
    'carried',
    '`apply` makes the standby’s from a template; its settings follow. One with customer-managed keys is refused: make it by hand',
  ],
  [
    'Hub, hub-based project',
    'not yet',
    'A standby project must be made by hand; nothing of the hub itself is carried, and nothing brings a deleted one back',
  ],
  ['ML registry', 'not yet', 'References to a registry stay as they are; its assets are not carried'],
  [
    'Default storage of the workspace: blobs',
    'carried',
    'Every container, by copy, from region to region where storage permits it',
  ],
  ['Default storage of the workspace: file shares, queues, tables', 'not yet', ''],
  ['Notebooks', 'not yet', 'They lie in a file share, which is not carried'],
  [
    'Blob, Files, Data Lake, Databricks File System as data storage',
    'observed',
    'The datastore is carried with its secret; the data stays where it is. Attach one isolated account to both sides',
  ],
  ['SQL Database, PostgreSQL, MySQL', 'not yet', 'Give the server a failover group or a replica of its own'],
  [
    'Key Vault',
    'by `apply`',
    'The standby uses the primary’s vault, which Microsoft replicates. Secrets are not copied to a second vault',
  ],
  [
    'Container Registry',
    'by `apply`',
    'The standby names the primary’s: make it geo-replicated (Premium). Nothing checks that, and images are not copied',
  ],
  ['Application Insights', 'by `apply`', 'The standby has its own with the same retention. Telemetry is not carried'],
  ['Compute cluster, compute instance', 'carried', 'Quota is read before a switchover, and is no promise of machines'],
  [
    'AKS, Databricks, virtual machines, HDInsight as compute',
    'observed',
    'Attach one in the standby by hand: one that is attached to both may be lost with the region',
  ],
  ['Container Instances', 'not yet', ''],
  ['Cosmos DB (customer-managed keys)', 'not yet', 'A workspace with customer-managed keys is refused by `apply`'],
  ['Connections, AI services', 'not yet', ''],
  ['Online endpoints, batch endpoints, deployments', 'not yet', 'Models and environments are there to deploy again'],
  ['Role assignments, identities', 'not yet', 'Give the same people the same roles in the standby before you need it'],
  [
    'Networks, private endpoints, DNS',
    'not yet',
    'Isolation of the managed network is taken over by `apply`, no rule of it',
  ],
  [
    'Jobs',
    'observed',
    'Their specification is kept; those queued or running are resubmitted after a failover, with the last checkpoint',
  ],
  ['Schedules', 'carried', 'Disabled in the standby, enabled there by a failover'],
  ['Models, environments, data, components, code', 'carried', 'Archived or not, in the order of their versions'],
  ['Run history', 'carried', 'Experiments and runs with every metric point, over the MLflow API'],
  [
    'MLflow tracking servers outside Azure ML',
    'carried',
    'Two servers of MLflow 3: runs, files, logged models, traces, registered models; between a server and a workspace by `history`',
  ],
  ['AI Foundry projects without a hub', 'not yet', 'The vendor’s guidance does not cover them'],
]

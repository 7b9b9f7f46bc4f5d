import { lookup } from '../../lookup.ts'

/** A place of Azure as `GET /subscriptions/{id}/locations` describes it. */
interface Place {
  readonly display: string
  readonly geography: string
  readonly group: string
  readonly paired: string
}

/** From the vendor's list of regions and pairs (learn.microsoft.com/azure/reliability/regions-list). */
const PLACES: Readonly<Record<string, Place>> = lookup({
  eastus: { display: 'East US', geography: 'United States', group: 'US', paired: 'westus' },
  eastus2: { display: 'East US 2', geography: 'United States', group: 'US', paired: 'centralus' },
  centralus: { display: 'Central US', geography: 'United States', group: 'US', paired: 'eastus2' },
  westus: { display: 'West US', geography: 'United States', group: 'US', paired: 'eastus' },
  westus2: { display: 'West US 2', geography: 'United States', group: 'US', paired: 'westcentralus' },
  westus3: { display: 'West US 3', geography: 'United States', group: 'US', paired: 'eastus' },
  northcentralus: { display: 'North Central US', geography: 'United States', group: 'US', paired: 'southcentralus' },
  southcentralus: { display: 'South Central US', geography: 'United States', group: 'US', paired: 'northcentralus' },
  northeurope: { display: 'North Europe', geography: 'Europe', group: 'Europe', paired: 'westeurope' },
  westeurope: { display: 'West Europe', geography: 'Europe', group: 'Europe', paired: 'northeurope' },
  uksouth: { display: 'UK South', geography: 'United Kingdom', group: 'Europe', paired: 'ukwest' },
  ukwest: { display: 'UK West', geography: 'United Kingdom', group: 'Europe', paired: 'uksouth' },
  germanywestcentral: {
    display: 'Germany West Central',
    geography: 'Germany',
    group: 'Europe',
    paired: 'germanynorth',
  },
  eastasia: { display: 'East Asia', geography: 'Asia Pacific', group: 'Asia Pacific', paired: 'southeastasia' },
  southeastasia: { display: 'Southeast Asia', geography: 'Asia Pacific', group: 'Asia Pacific', paired: 'eastasia' },
  japaneast: { display: 'Japan East', geography: 'Japan', group: 'Asia Pacific', paired: 'japanwest' },
  japanwest: { display: 'Japan West', geography: 'Japan', group: 'Asia Pacific', paired: 'japaneast' },
  australiaeast: {
    display: 'Australia East',
    geography: 'Australia',
    group: 'Asia Pacific',
    paired: 'australiasoutheast',
  },
})

/** Describes a region as ARM does. A name that Azure does not have stands for itself. */
export function locationFacts(name: string, subscription: string): Readonly<Record<string, unknown>> {
  const place = PLACES[name] ?? { display: name, geography: 'Emulated', group: 'Other', paired: undefined }
  const id = (region: string): string => `/subscriptions/${subscription}/locations/${region}`
  return {
    id: id(name),
    name,
    type: 'Region',
    displayName: place.display,
    regionalDisplayName: `(${place.group}) ${place.display}`,
    metadata: {
      regionType: 'Physical',
      regionCategory: 'Recommended',
      geography: place.geography,
      geographyGroup: place.group,
      pairedRegion: place.paired === undefined ? [] : [{ name: place.paired, id: id(place.paired) }],
    },
    availabilityZoneMappings: ['1', '2', '3'].map((zone) => ({ logicalZone: zone, physicalZone: `${name}-az${zone}` })),
  }
}

/** How a region is written for people: `East US 2`. */
export function displayName(name: string): string {
  return PLACES[name]?.display ?? name
}

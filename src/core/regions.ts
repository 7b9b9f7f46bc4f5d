/** What is fixed about a region of Azure: where it is, and which one Microsoft updates and restores apart from it. */
export interface Region {
  /** Short form, as in ids and hosts. */
  readonly name: string
  readonly display: string
  /** Data stays within it unless the policy says `residency: any`. */
  readonly geography: string
  /** The region Azure pairs it with. Newer regions have none, and a few pairs hold one way only. */
  readonly pair?: string
}

/** Microsoft's list of regions with their geographies and pairs (learn.microsoft.com, reliability/regions-list). */
const ROWS: readonly (readonly [name: string, display: string, geography: string, pair?: string])[] = [
  ['eastus', 'East US', 'United States', 'westus'],
  ['eastus2', 'East US 2', 'United States', 'centralus'],
  ['centralus', 'Central US', 'United States', 'eastus2'],
  ['northcentralus', 'North Central US', 'United States', 'southcentralus'],
  ['southcentralus', 'South Central US', 'United States', 'northcentralus'],
  ['westus', 'West US', 'United States', 'eastus'],
  ['westus2', 'West US 2', 'United States', 'westcentralus'],
  ['westcentralus', 'West Central US', 'United States', 'westus2'],
  ['westus3', 'West US 3', 'United States', 'eastus'],
  ['canadacentral', 'Canada Central', 'Canada', 'canadaeast'],
  ['canadaeast', 'Canada East', 'Canada', 'canadacentral'],
  ['brazilsouth', 'Brazil South', 'Brazil', 'southcentralus'],
  ['mexicocentral', 'Mexico Central', 'Mexico'],
  ['northeurope', 'North Europe', 'Europe', 'westeurope'],
  ['westeurope', 'West Europe', 'Europe', 'northeurope'],
  ['uksouth', 'UK South', 'United Kingdom', 'ukwest'],
  ['ukwest', 'UK West', 'United Kingdom', 'uksouth'],
  ['francecentral', 'France Central', 'France', 'francesouth'],
  ['francesouth', 'France South', 'France', 'francecentral'],
  ['germanywestcentral', 'Germany West Central', 'Germany', 'germanynorth'],
  ['germanynorth', 'Germany North', 'Germany', 'germanywestcentral'],
  ['norwayeast', 'Norway East', 'Norway', 'norwaywest'],
  ['norwaywest', 'Norway West', 'Norway', 'norwayeast'],
  ['swedencentral', 'Sweden Central', 'Sweden', 'swedensouth'],
  ['swedensouth', 'Sweden South', 'Sweden', 'swedencentral'],
  ['switzerlandnorth', 'Switzerland North', 'Switzerland', 'switzerlandwest'],
  ['switzerlandwest', 'Switzerland West', 'Switzerland', 'switzerlandnorth'],
  ['italynorth', 'Italy North', 'Italy'],
  ['polandcentral', 'Poland Central', 'Poland'],
  ['spaincentral', 'Spain Central', 'Spain'],
  ['eastasia', 'East Asia', 'Asia Pacific', 'southeastasia'],
  ['southeastasia', 'Southeast Asia', 'Asia Pacific', 'eastasia'],
  ['japaneast', 'Japan East', 'Japan', 'japanwest'],
  ['japanwest', 'Japan West', 'Japan', 'japaneast'],
  ['koreacentral', 'Korea Central', 'Korea', 'koreasouth'],
  ['koreasouth', 'Korea South', 'Korea', 'koreacentral'],
  ['australiaeast', 'Australia East', 'Australia', 'australiasoutheast'],
  ['australiasoutheast', 'Australia Southeast', 'Australia', 'australiaeast'],
  ['australiacentral', 'Australia Central', 'Australia', 'australiacentral2'],
  ['australiacentral2', 'Australia Central 2', 'Australia', 'australiacentral'],
  ['centralindia', 'Central India', 'India', 'southindia'],
  ['southindia', 'South India', 'India', 'centralindia'],
  ['westindia', 'West India', 'India', 'southindia'],
  ['southafricanorth', 'South Africa North', 'South Africa', 'southafricawest'],
  ['southafricawest', 'South Africa West', 'South Africa', 'southafricanorth'],
  ['uaenorth', 'UAE North', 'UAE', 'uaecentral'],
  ['uaecentral', 'UAE Central', 'UAE', 'uaenorth'],
  ['qatarcentral', 'Qatar Central', 'Qatar'],
  ['israelcentral', 'Israel Central', 'Israel'],
  ['usgovvirginia', 'USGov Virginia', 'US Government', 'usgovtexas'],
  ['usgovtexas', 'USGov Texas', 'US Government', 'usgovvirginia'],
  ['usgovarizona', 'USGov Arizona', 'US Government', 'usgovtexas'],
  ['chinanorth2', 'China North 2', 'China', 'chinaeast2'],
  ['chinaeast2', 'China East 2', 'China', 'chinanorth2'],
  ['chinanorth3', 'China North 3', 'China', 'chinaeast3'],
  ['chinaeast3', 'China East 3', 'China', 'chinanorth3'],
]

export const REGIONS: ReadonlyMap<string, Region> = new Map(
  ROWS.map(([name, display, geography, pair]) => [
    name,
    pair === undefined ? { name, display, geography } : { name, display, geography, pair },
  ]),
)

/** The region by its short or its display form. `undefined` for one that this table does not know yet. */
export function regionNamed(location: string): Region | undefined {
  return REGIONS.get(shortLocation(location))
}

/** A location in the form in which two are compared: that of a region’s short name. */
export function shortLocation(location: string): string {
  return location.toLowerCase().replaceAll(' ', '')
}

// A virtual network from which the app reaches storage and vault by private endpoints.

param name string
param location string
param tags object
param storageName string
param vaultName string

var endpoints = [
  { group: 'blob', service: account.id, zone: 'privatelink.blob.${environment().suffixes.storage}' }
  { group: 'queue', service: account.id, zone: 'privatelink.queue.${environment().suffixes.storage}' }
  { group: 'table', service: account.id, zone: 'privatelink.table.${environment().suffixes.storage}' }
  {
    group: 'vault'
    service: vault.id
    zone: 'privatelink${replace(environment().suffixes.keyvaultDns, '.vault.', '.vaultcore.')}'
  }
]

resource account 'Microsoft.Storage/storageAccounts@2026-06-01' existing = {
  name: storageName
}

resource vault 'Microsoft.KeyVault/vaults@2026-05-15' existing = {
  name: vaultName
}

resource network 'Microsoft.Network/virtualNetworks@2026-03-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.0.0.0/24'] }
    subnets: [
      {
        // An app takes about 40 addresses. The name has no underscore: Flex Consumption refuses it.
        name: 'app'
        properties: {
          addressPrefix: '10.0.0.0/26'
          delegations: [{ name: 'flex', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      }
      { name: 'endpoints', properties: { addressPrefix: '10.0.0.64/27' } }
    ]
  }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for endpoint in endpoints: {
    name: endpoint.zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (endpoint, index) in endpoints: {
    parent: zones[index]
    name: name
    location: 'global'
    tags: tags
    properties: { registrationEnabled: false, virtualNetwork: { id: network.id } }
  }
]

resource privateEndpoints 'Microsoft.Network/privateEndpoints@2026-03-01' = [
  for endpoint in endpoints: {
    name: '${name}-${endpoint.group}'
    location: location
    tags: tags
    properties: {
      subnet: { id: '${network.id}/subnets/endpoints' }
      privateLinkServiceConnections: [
        {
          name: endpoint.group
          properties: { groupIds: [endpoint.group], privateLinkServiceId: endpoint.service }
        }
      ]
    }
  }
]

resource records 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2026-03-01' = [
  for (endpoint, index) in endpoints: {
    parent: privateEndpoints[index]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [{ name: endpoint.group, properties: { privateDnsZoneId: zones[index].id } }]
    }
  }
]

// The app's storage account: what it publishes, what it stores, and what its host needs. Nobody signs in with a key.

import { networkRules } from 'types.bicep'

param name string
param location string
param tags object
param queueName string
param network networkRules

@description('How long consumers find the data of large events, in days.')
param eventDataDays int

// The app deletes quarantined items after 30 days; this ends what it could not delete.
var quarantineDays = 60

resource account 'Microsoft.Storage/storageAccounts@2026-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    networkAcls: network
    publicNetworkAccess: 'Enabled'
    supportsHttpsTrafficOnly: true
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2026-06-01' = {
  parent: account
  name: 'default'
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-06-01' = [
  for container in ['app-package', 'event-data', 'parked', 'quarantine']: {
    parent: blobs
    name: container
  }
]

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2026-06-01' = {
  parent: account
  name: 'default'
}

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2026-06-01' = {
  parent: queues
  name: queueName
}

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2026-06-01' = {
  parent: account
  name: 'default'
}

// The tables of published events are made by the app, which deletes them as well.
resource tables 'Microsoft.Storage/storageAccounts/tableServices/tables@2026-06-01' = [
  for table in ['audits', 'gaps', 'known', 'status', 'subscriptions']: {
    parent: tableService
    name: table
  }
]

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2026-06-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        for rule in [
          { container: 'event-data', days: eventDataDays }
          // By creation: the app rewrites the metadata of what it keeps, which renews the time of modification.
          { container: 'quarantine', days: quarantineDays }
        ]: {
          name: rule.container
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['${rule.container}/'] }
            actions: { baseBlob: { delete: { daysAfterCreationGreaterThan: rule.days } } }
          }
        }
      ]
    }
  }
}

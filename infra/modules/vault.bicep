// The vault with the encryption certificate and the client-state key. Access by roles only.

import { networkRules } from 'types.bicep'

param name string
param location string
param tags object
param network networkRules
param workspaceName string

@description('Nobody can purge such a vault, or use its name, for 90 days after it was deleted. It cannot be turned off.')
param purgeProtection bool

@description('Whether a deleted vault of this name is taken up again.')
param recover bool

resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' existing = {
  name: workspaceName
}

resource vault 'Microsoft.KeyVault/vaults@2026-05-15' = {
  name: name
  location: location
  tags: tags
  properties: {
    createMode: recover ? 'recover' : 'default'
    enableRbacAuthorization: true
    // Azure refuses false; null leaves it off.
    enablePurgeProtection: purgeProtection ? true : null
    enableSoftDelete: true
    networkAcls: network
    publicNetworkAccess: 'Enabled'
    sku: { family: 'A', name: 'standard' }
    softDeleteRetentionInDays: 90
    tenantId: tenant().tenantId
  }
}

// Who has read which secret. The stable version of this type has no groups of categories.
#disable-next-line use-recent-api-versions
resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'workspace'
  scope: vault
  properties: {
    workspaceId: workspace.id
    logs: [{ categoryGroup: 'audit', enabled: true }]
  }
}

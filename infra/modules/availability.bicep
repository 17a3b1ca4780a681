// A handshake from outside, every 15 minutes: the only watch that sees name, certificate and firewall as Graph does.
// Source: https://learn.microsoft.com/azure/azure-monitor/app/availability

param componentName string
param notificationUrl string
param location string
param tags object

@description('The ids of those who are told.')
param actionGroups string[]

// What the app has to echo, decoded.
var token = 'a b+c:'

// In Europe, America and Asia. Source: the page above (location population tags)
var locations = ['emea-nl-ams-azr', 'us-va-ash-azr', 'apac-sg-sin-azr']

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource handshake 'Microsoft.Insights/webtests@2022-06-15' = {
  name: 'handshake-${componentName}'
  location: location
  // The portal finds the component of a test by this tag.
  tags: union(tags, { 'hidden-link:${component.id}': 'Resource' })
  properties: {
    SyntheticMonitorId: 'handshake-${componentName}'
    Name: 'handshake'
    Kind: 'standard'
    Enabled: true
    Frequency: 900
    Timeout: 30
    RetryEnabled: true
    Locations: map(locations, each => { Id: each })
    Request: {
      HttpVerb: 'GET'
      RequestUrl: '${notificationUrl}?validationToken=${uriComponent(token)}'
      FollowRedirects: false
      ParseDependentRequests: false
    }
    ValidationRules: {
      ExpectedHttpStatusCode: 200
      ContentValidation: { ContentMatch: token, PassIfTextFound: true, IgnoreCase: false }
      SSLCheck: true
      SSLCertRemainingLifetimeCheck: 14
    }
  }
}

resource alert 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: 'unreachable'
  location: 'global'
  tags: tags
  properties: {
    description: 'From two places at least, the public URL does not answer a handshake. Run: python -m cli doctor --only outside. See docs/operations.md#alert-unreachable'
    severity: 1
    enabled: true
    scopes: [handshake.id, component.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT30M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
      webTestId: handshake.id
      componentId: component.id
      failedLocationCount: 2
    }
    actions: map(actionGroups, each => { actionGroupId: each })
  }
}

// The alerts on the log: one rule for each query, with an identity that may read the workspace and nothing else.
//
// A rule scans two days at most, and lines come late: silence shorter than half an hour proves nothing.
// Source: https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-create-log-alert-rule

param workspaceName string
param identityName string
param location string
param tags object

@description('Where alerts are sent. Empty: they are shown in the portal, and nobody is told.')
param email string

// Azure's own id. Source: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var logAnalyticsReader = '73c42c96-874c-492b-b04d-ab87d138a893'

// These fire if there is no row, all others if there is one.
var ofSilence = ['timer-silent']

var rules = [
  {
    name: 'timer-silent'
    query: loadTextContent('../queries/timer-silent.kql')
    severity: 1
    every: 'PT10M'
    window: 'PT30M'
    symptom: 'The timer has ended no run for 30 minutes: nothing is renewed, and what is parked waits.'
    check: 'timer'
    heading: 'alert-timer-silent'
  }
  {
    name: 'run-failing'
    query: loadTextContent('../queries/run-failing.kql')
    severity: 2
    every: 'PT5M'
    window: 'PT15M'
    symptom: 'A step of the timer or a subscription fails, or a subscription is missing or about to end.'
    check: 'subscriptions'
    heading: 'alert-run-failing'
  }
  {
    name: 'silence'
    query: loadTextContent('../queries/silence.kql')
    severity: 2
    every: 'PT15M'
    window: 'PT1H'
    symptom: 'No change has arrived for an hour that was busy a week ago.'
    check: 'outside'
    heading: 'alert-silence'
  }
  {
    name: 'slow'
    query: loadTextContent('../queries/slow.kql')
    severity: 2
    every: 'PT5M'
    window: 'PT10M'
    symptom: 'Over 5 % of the answers take more than 2 s: from 10 % above 3 s on, Graph delays the notifications.'
    check: 'posts'
    heading: 'alert-slow'
  }
  {
    name: 'parked-too-long'
    query: loadTextContent('../queries/parked-too-long.kql')
    severity: 2
    every: 'PT5M'
    window: 'PT15M'
    symptom: 'Something has been parked for more than 15 minutes. Nothing is lost.'
    check: 'parked'
    heading: 'alert-parked-too-long'
  }
  {
    name: 'misconfigured'
    query: loadTextContent('../queries/misconfigured.kql')
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    symptom: 'A role, a permission or a setting is missing or wrong, and the line in the log names it.'
    check: 'app'
    heading: 'alert-misconfigured'
  }
  {
    name: 'answered-503'
    query: loadTextContent('../queries/answered-503.kql')
    severity: 1
    every: 'PT5M'
    window: 'PT5M'
    symptom: 'The app refuses POSTs for now: Graph sends them again for four hours, and then gives them up.'
    check: 'app-storage'
    heading: 'alert-answered-503'
  }
  {
    name: 'quarantine-grows'
    query: loadTextContent('../queries/quarantine-grows.kql')
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    symptom: 'Authentic items will not work and are in the quarantine.'
    check: 'quarantine'
    heading: 'alert-quarantine-grows'
  }
  {
    name: 'tokens-missing'
    query: loadTextContent('../queries/tokens-missing.kql')
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    symptom: 'No validation token vouches for items that this app has signed.'
    check: 'registration'
    heading: 'alert-tokens-missing'
  }
  {
    name: 'changes-lost'
    query: loadTextContent('../queries/changes-lost.kql')
    severity: 1
    every: 'PT5M'
    window: 'PT5M'
    symptom: 'Changes are lost, for the reason in the log; the consumer has got an event that says so.'
    check: 'gaps'
    heading: 'alert-changes-lost'
  }
  {
    name: 'strangers'
    query: loadTextContent('../queries/strangers.kql')
    severity: 3
    every: 'PT15M'
    window: 'PT1H'
    symptom: 'Over 100 items in an hour are not signed by this app.'
    check: 'forged'
    heading: 'alert-strangers'
  }
  {
    name: 'certificate-ends'
    query: loadTextContent('../queries/certificate-ends.kql')
    severity: 3
    every: 'P1D'
    window: 'P1D'
    symptom: 'The encryption certificate ends in less than 30 days.'
    check: 'vault'
    heading: 'alert-certificate-ends'
  }
  {
    name: 'consumer-behind'
    query: loadTextContent('../queries/consumer-behind.kql')
    severity: 3
    every: 'PT5M'
    window: 'PT15M'
    symptom: 'The first event of the queue has waited for more than 15 minutes.'
    check: 'backlog'
    heading: 'alert-consumer-behind'
  }
]

resource workspace 'Microsoft.OperationalInsights/workspaces@2026-03-01' existing = {
  name: workspaceName
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: identityName
  location: location
  tags: tags
}

// Without an identity, a rule has the rights that its last editor had on that day.
resource readRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspace.id, identity.id, logAnalyticsReader)
  scope: workspace
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', logAnalyticsReader)
  }
}

resource mail 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: 'operators'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'teams-events'
    emailReceivers: [{ name: 'operators', emailAddress: email, useCommonAlertSchema: true }]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in rules: {
    name: rule.name
    location: location
    tags: tags
    kind: 'LogAlert'
    identity: { type: 'UserAssigned', userAssignedIdentities: { '${identity.id}': {} } }
    dependsOn: [readRole]
    properties: {
      displayName: rule.name
      description: '${rule.symptom} Run: python -m cli doctor --only ${rule.check}. See docs/operations.md#${rule.heading}'
      severity: rule.severity
      enabled: true
      scopes: [workspace.id]
      evaluationFrequency: rule.every
      windowSize: rule.window
      // It fires once, and is resolved by itself.
      autoMitigate: true
      // The tables of a workspace are made by the first line that arrives.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: contains(ofSilence, rule.name) ? 'LessThan' : 'GreaterThan'
            threshold: contains(ofSilence, rule.name) ? 1 : 0
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: empty(email) ? [] : [mail.id] }
    }
  }
]

output actionGroups array = empty(email) ? [] : [mail.id]

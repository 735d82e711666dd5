// An Event Grid topic for Azure DevOps' audit stream, its subscription with the receiver as webhook, storage for dead letters,
// and the alerts that tell when something stops. Deploy it after the receiver answers: creating the subscription makes
// Event Grid call it.
//
//   az deployment group create --resource-group audit --template-file main.bicep --parameters endpoint=… alertEmail=…

@description('The receiver, with its secret: https://receiver.example/v1/feeds/azdo?secret=…')
@secure()
param endpoint string

@description('Who hears of alerts.')
param alertEmail string

@description('The name of the topic and the start of the other names.')
param name string = 'azure-devops-audit'

param location string = resourceGroup().location

@description('Most events in a delivery. One delivery has to be accepted within 30 seconds.')
@minValue(1)
@maxValue(500)
param maxEventsPerBatch int = 200

@description('A delivery goes out at this size, or as soon as no events wait.')
@minValue(1)
@maxValue(512)
param preferredBatchSizeInKilobytes int = 256

resource topic 'Microsoft.EventGrid/topics@2022-06-15' = {
  name: name
  location: location
  properties: {
    // Azure DevOps publishes in no other schema.
    inputSchema: 'EventGridSchema'
    // It signs in with an access key; see README.md on changing the keys.
    disableLocalAuth: false
    minimumTlsVersionAllowed: '1.2'
    publicNetworkAccess: 'Enabled'
  }
}

resource storage 'Microsoft.Storage/storageAccounts@2023-01-01' = {
  name: take('dl${uniqueString(resourceGroup().id, name)}', 24)
  location: location
  sku: { name: 'Standard_LRS' }
  kind: 'StorageV2'
  properties: {
    allowBlobPublicAccess: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }

  resource blobs 'blobServices' = {
    name: 'default'

    resource deadLetters 'containers' = {
      name: 'dead-letters'
    }
  }
}

resource subscription 'Microsoft.EventGrid/topics/eventSubscriptions@2022-06-15' = {
  parent: topic
  name: 'udmill'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'WebHook'
      properties: {
        endpointUrl: endpoint
        maxEventsPerBatch: maxEventsPerBatch
        preferredBatchSizeInKilobytes: preferredBatchSizeInKilobytes
      }
    }
    // Both at their most: nothing is given up for as long as Event Grid can wait.
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
    deadLetterDestination: {
      endpointType: 'StorageBlob'
      properties: {
        resourceId: storage.id
        blobContainerName: storage::blobs::deadLetters.name
      }
    }
  }
}

resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${name}-operators'
  location: 'global'
  properties: {
    groupShortName: 'udmill'
    enabled: true
    emailReceivers: [
      { name: 'operators', emailAddress: alertEmail, useCommonAlertSchema: true }
    ]
  }
}

// Any of these means that events took, or will take, another way than through the receiver.
var failures = [
  { metric: 'DeadLetteredCount', severity: 1 }
  { metric: 'DroppedEventCount', severity: 0 }
  { metric: 'DeliveryAttemptFailCount', severity: 2 }
]

resource failureAlerts 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for failure in failures: {
    name: '${name}-${failure.metric}'
    location: 'global'
    properties: {
      severity: failure.severity
      enabled: true
      scopes: [topic.id]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            name: failure.metric
            criterionType: 'StaticThresholdCriterion'
            metricName: failure.metric
            metricNamespace: 'Microsoft.EventGrid/topics'
            operator: 'GreaterThan'
            threshold: 0
            timeAggregation: 'Total'
          }
        ]
      }
      actions: [{ actionGroupId: operators.id }]
    }
  }
]

// The stream bundles events every half hour or less. Silence is a stream that was switched off, or a key that no longer holds.
// Metric alerts know windows of one hour and of six, and nothing between; the receiver's own alert speaks after two.
resource silence 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-silence'
  location: 'global'
  properties: {
    severity: 1
    enabled: true
    scopes: [topic.id]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT6H'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'PublishSuccessCount'
          criterionType: 'StaticThresholdCriterion'
          metricName: 'PublishSuccessCount'
          metricNamespace: 'Microsoft.EventGrid/topics'
          operator: 'LessThan'
          threshold: 1
          timeAggregation: 'Total'
        }
      ]
    }
    actions: [{ actionGroupId: operators.id }]
  }
}

@description('For the audit stream: the topic endpoint.')
output topicEndpoint string = topic.properties.endpoint
@description('For the feed: topics = ["…"].')
output topicId string = topic.id
@description('Where events are that could not be delivered.')
output deadLetters string = '${storage.name}/${storage::blobs::deadLetters.name}'

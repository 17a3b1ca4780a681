/**
 * Reads the events of the queue, and prints one line of JSON for each: `npm start`, or `npm start -- --once`.
 *
 * `EVENTS_STORAGE` is the app's storage account: its name, for whoever is signed in, or a connection string. An event
 * that is handled is deleted from the queue; one that fails comes again, and after five times goes to the poison queue.
 */

import { DefaultAzureCredential } from "@azure/identity";
import { BlobServiceClient } from "@azure/storage-blob";
import { type DequeuedMessageItem, QueueServiceClient, RestError } from "@azure/storage-queue";
import { setTimeout as pause } from "node:timers/promises";

import type { ChangeDataChatMessage, Event } from "../../../teams_events/events.d.ts";

const QUEUE = "teams-events";
const CONTAINER = "event-data";
const MAX_DELIVERIES = 5;
const POLL_MILLISECONDS = 5000;
// A message is hidden for a minute while it is worked on and, where that failed, until it is tried again.
const RECEIVE = { numberOfMessages: 32, visibilityTimeout: 60 };
// -1: it never expires; Storage would delete it after seven days.
const FOREVER = { messageTimeToLive: -1 };

type Known<Type extends Event["type"]> = Extract<Event, { type: Type }>;
type Messages = Known<"Microsoft.Graph.ChatMessageCreated" | "Microsoft.Graph.ChatMessageUpdated">;

const [queues, blobs] = clients(process.env["EVENTS_STORAGE"] ?? "");

function clients(storage: string): [QueueServiceClient, BlobServiceClient] {
  if (storage.includes("=")) {
    return [QueueServiceClient.fromConnectionString(storage), BlobServiceClient.fromConnectionString(storage)];
  }
  if (storage === "") {
    throw new Error("EVENTS_STORAGE is not set: the name of the app's storage account, or a connection string");
  }
  const credential = new DefaultAzureCredential();
  return [
    new QueueServiceClient(`https://${storage}.queue.core.windows.net`, credential),
    new BlobServiceClient(`https://${storage}.blob.core.windows.net`, credential),
  ];
}

function parse(message: DequeuedMessageItem): Event {
  const event = JSON.parse(Buffer.from(message.messageText, "base64").toString()) as Partial<Event>;
  if (event.specversion !== "1.0" || event.id === undefined || (event.data === undefined) === (event.dataref === undefined)) {
    throw new Error("the message is not an event of the app");
  }
  return event as Event;
}

/** Returns the data of an event about a message, from the blob if they lie there. */
async function open(event: Messages): Promise<ChangeDataChatMessage> {
  if (event.dataref === undefined) {
    return event.data;
  }
  // Read from the app's own container, whatever host the address names: it would get this account's credential.
  const name = decodeURIComponent(new URL(event.dataref).pathname).split(`/${CONTAINER}/`)[1] ?? "";
  const content = await blobs.getContainerClient(CONTAINER).getBlobClient(name).downloadToBuffer();
  return JSON.parse(content.toString()) as ChangeDataChatMessage;
}

async function handle(event: Event): Promise<void> {
  const line: Record<string, unknown> = { id: event.id, type: event.type, subject: event.subject };
  switch (event.type) {
    case "Microsoft.Graph.ChatMessageCreated":
    case "Microsoft.Graph.ChatMessageUpdated": {
      const content = (await open(event)).content;
      line["characters"] = content?.body?.content?.length ?? 0;
      break;
    }
    case "Microsoft.Graph.SubscriptionGap":
      line["lost"] = event.data?.resource;
      break;
    default:
    // All that this consumer does not care for, and the types that have no declaration.
  }
  console.log(JSON.stringify(line));
}

/** Returns how many messages were taken from the queue. */
async function consume(): Promise<number> {
  const queue = queues.getQueueClient(QUEUE);
  const { receivedMessageItems } = await queue.receiveMessages(RECEIVE);
  let taken = 0;
  for (const message of receivedMessageItems) {
    if ((await handled(message)) || (await poisoned(message))) {
      await queue.deleteMessage(message.messageId, message.popReceipt);
      taken += 1;
    }
  }
  return taken;
}

async function handled(message: DequeuedMessageItem): Promise<boolean> {
  try {
    await handle(parse(message));
    return true;
  } catch (error) {
    // The name alone: the text of an error may have content in it.
    console.error(`message ${message.messageId}, delivery ${message.dequeueCount}: ${(error as Error).name}`);
    return false;
  }
}

async function poisoned(message: DequeuedMessageItem): Promise<boolean> {
  if (message.dequeueCount < MAX_DELIVERIES) {
    return false;
  }
  const poison = queues.getQueueClient(`${QUEUE}-poison`);
  try {
    await poison.sendMessage(message.messageText, FOREVER);
  } catch (error) {
    if (!(error instanceof RestError && error.code === "QueueNotFound")) {
      throw error;
    }
    await poison.create();
    await poison.sendMessage(message.messageText, FOREVER);
  }
  return true;
}

const once = process.argv.includes("--once");
for (;;) {
  const taken = await consume();
  if (taken === 0) {
    if (once) {
      break;
    }
    await pause(POLL_MILLISECONDS);
  }
}

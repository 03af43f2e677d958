/** What `import … from 'tenantry/ai'` offers: marks for calls to models and for the tools of agents. */
export { type AiCallOptions, aiCall, type RecordAiCallOptions, recordAiCall } from './ai-call.ts';
export { type AiClientOptions, withAiMarks } from './ai-clients.ts';
export { type ToolCall, type ToolCallOptions, type ToolCallRecord, type ToolCallSink, toolCall } from './tool-call.ts';
export { canonicalHash, UnhashableError } from './tool-call-hash.ts';

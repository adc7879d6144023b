"""Models behind OpenAI-compatible servers: OpenAI, vLLM, the llama.cpp server, Ollama, LM Studio. No torch, no Qt."""

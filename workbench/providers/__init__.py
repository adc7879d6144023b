"""Models behind OpenAI-compatible servers: OpenAI, vLLM, the llama.cpp server, Ollama, LM Studio. No torch, no Qt."""

from .servers import BrokenOff, Reply, Server, ServerError, answers, stream

__all__ = ["BrokenOff", "Reply", "Server", "ServerError", "answers", "stream"]

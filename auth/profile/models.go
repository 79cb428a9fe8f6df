package profile

import "github.com/reauth-go/reauth/auth"

// OpenAI: api.openai.com.
var OpenAI = Profile{
	Name: "openai", Title: "OpenAI", BaseURL: "https://api.openai.com",
	Env:       []string{"OPENAI_API_KEY"},
	Docs:      "https://platform.openai.com/docs/api-reference/authentication",
	KeysURL:   "https://platform.openai.com/account/api-keys",
	RequestID: "X-Request-Id",
	Codes:     []Codes{{At: "error/code", Causes: map[string]auth.Cause{"invalid_api_key": auth.InvalidCredential}}},
	Sources: []Source{
		{"host, scheme and variable", "https://github.com/openai/openai-go/blob/main/client.go", "2026-08-21"},
		{"request id", "https://github.com/openai/openai-python/blob/main/README.md", "2026-08-21"},
		{"code and the keys' page, in a recorded refusal", "https://github.com/crmne/ruby_llm/tree/main/spec/fixtures/vcr_cassettes", "2026-08-19"},
	},
}

// Anthropic: api.anthropic.com.
var Anthropic = Profile{
	Name: "anthropic", Title: "Anthropic", BaseURL: "https://api.anthropic.com",
	Scheme:    auth.APIKeyHeader("X-Api-Key"),
	Env:       []string{"ANTHROPIC_API_KEY"},
	Header:    map[string]string{"Anthropic-Version": "2023-06-01"},
	Docs:      "https://docs.anthropic.com/en/api/getting-started",
	KeysURL:   "https://console.anthropic.com/settings/keys",
	RequestID: "Request-Id",
	Codes: []Codes{{At: "error/type", Causes: map[string]auth.Cause{
		"authentication_error": auth.InvalidCredential, "permission_error": auth.PermissionDenied,
	}}},
	Sources: []Source{
		{"host, header, variable and codes", "https://github.com/anthropics/anthropic-sdk-go/blob/main/option/requestoption.go", "2026-07-23"},
		{"request id, version header", "https://docs.anthropic.com/en/api/getting-started", "2026-11-23"},
	},
}

// AzureOpenAI: each customer's resource has a host below openai.azure.com.
var AzureOpenAI = Profile{
	Name: "azure-openai", Title: "Azure OpenAI", Hosts: []string{"*.openai.azure.com"},
	Scheme: auth.APIKeyHeader("Api-Key"),
	Env:    []string{"AZURE_OPENAI_API_KEY"},
	Docs:   "https://learn.microsoft.com/en-us/azure/ai-services/openai/reference",
	Sources: []Source{
		{"host, header and variable", "https://github.com/openai/openai-python/blob/main/src/openai/lib/azure.py", "2026-08-21"},
	},
}

// Gemini: Google's models for holders of an API key.
var Gemini = Profile{
	Name: "gemini", Title: "Google Gemini", Maker: "Google", BaseURL: "https://generativelanguage.googleapis.com",
	Scheme:  auth.APIKeyHeader("X-Goog-Api-Key"),
	Env:     []string{"GOOGLE_API_KEY", "GEMINI_API_KEY"},
	Docs:    "https://ai.google.dev/gemini-api/docs/api-key",
	KeysURL: "https://aistudio.google.com/apikey",
	Codes:   googleCodes,
	Sources: []Source{
		{"host, header and variables", "https://github.com/googleapis/go-genai/blob/main/client.go", "2026-08-21"},
		{"codes", googleReasons, "2026-11-23"},
	},
}

// Mistral: api.mistral.ai.
var Mistral = Profile{
	Name: "mistral", Title: "Mistral", BaseURL: "https://api.mistral.ai",
	Env:     []string{"MISTRAL_API_KEY"},
	Docs:    "https://docs.mistral.ai/api/",
	KeysURL: "https://console.mistral.ai/api-keys",
	Sources: []Source{{"host, scheme and variable", "https://github.com/mistralai/client-python/blob/main/README.md", "2026-06-30"}},
}

// Groq: api.groq.com.
var Groq = Profile{
	Name: "groq", Title: "Groq", BaseURL: "https://api.groq.com",
	Env:     []string{"GROQ_API_KEY"},
	Docs:    "https://console.groq.com/docs/api-reference",
	KeysURL: "https://console.groq.com/keys",
	Sources: []Source{{"host, scheme and variable", "https://github.com/groq/groq-python/blob/main/src/groq/_client.py", "2026-08-18"}},
}

// XAI: api.x.ai.
var XAI = Profile{
	Name: "xai", Title: "xAI", BaseURL: "https://api.x.ai",
	Env:     []string{"XAI_API_KEY"},
	Docs:    "https://docs.x.ai/docs/api-reference",
	KeysURL: "https://console.x.ai",
	Sources: []Source{{"host, scheme and variable", "https://github.com/xai-org/xai-sdk-python/blob/main/src/xai_sdk/client.py", "2026-08-18"}},
}

// Cohere: api.cohere.com.
var Cohere = Profile{
	Name: "cohere", Title: "Cohere", BaseURL: "https://api.cohere.com",
	Env:     []string{"CO_API_KEY"},
	Docs:    "https://docs.cohere.com/reference/about",
	KeysURL: "https://dashboard.cohere.com/api-keys",
	Sources: []Source{{"host, scheme and variable", "https://github.com/cohere-ai/cohere-python/blob/main/src/cohere/base_client.py", "2026-08-19"}},
}

// OpenRouter: openrouter.ai.
var OpenRouter = Profile{
	Name: "openrouter", Title: "OpenRouter", BaseURL: "https://openrouter.ai",
	Env:     []string{"OPENROUTER_API_KEY"},
	Docs:    "https://openrouter.ai/docs/api-reference/authentication",
	KeysURL: "https://openrouter.ai/settings/keys",
	Sources: []Source{{"host, scheme, variable and the keys' page", "https://github.com/OpenRouterTeam/typescript-sdk/blob/main/README.md", "2026-08-22"}},
}

// Together: api.together.xyz.
var Together = Profile{
	Name: "together", Title: "Together", BaseURL: "https://api.together.xyz",
	Env:     []string{"TOGETHER_API_KEY"},
	Docs:    "https://docs.together.ai/reference/authentication-1",
	KeysURL: "https://api.together.xyz/settings/api-keys",
	Sources: []Source{{"host, scheme, variable and the keys' page", "https://github.com/togethercomputer/together-python/blob/main/README.md", "2025-12-23"}},
}

// Replicate: api.replicate.com.
var Replicate = Profile{
	Name: "replicate", Title: "Replicate", BaseURL: "https://api.replicate.com",
	Env:     []string{"REPLICATE_API_TOKEN"},
	Docs:    "https://replicate.com/docs/reference/http",
	KeysURL: "https://replicate.com/account/api-tokens",
	Sources: []Source{{"host, scheme and variable", "https://github.com/replicate/replicate-python/blob/main/replicate/client.py", "2025-06-02"}},
}

// HuggingFace: the hub, huggingface.co.
var HuggingFace = Profile{
	Name: "huggingface", Title: "Hugging Face", BaseURL: "https://huggingface.co",
	Env:       []string{"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"},
	Docs:      "https://huggingface.co/docs/hub/security-tokens",
	KeysURL:   "https://huggingface.co/settings/tokens",
	RequestID: "X-Request-Id",
	Sources:   []Source{{"host, scheme, variables, request id and the keys' page", "https://github.com/huggingface/huggingface_hub/tree/main/src/huggingface_hub", "2026-08-20"}},
}

// ElevenLabs: api.elevenlabs.io.
var ElevenLabs = Profile{
	Name: "elevenlabs", Title: "ElevenLabs", BaseURL: "https://api.elevenlabs.io",
	Scheme:  auth.APIKeyHeader("Xi-Api-Key"),
	Env:     []string{"ELEVENLABS_API_KEY"},
	Docs:    "https://elevenlabs.io/docs/api-reference/authentication",
	KeysURL: "https://elevenlabs.io/app/settings/api-keys",
	Sources: []Source{{"host, header and variable", "https://github.com/elevenlabs/elevenlabs-python/blob/main/src/elevenlabs/client.py", "2026-07-23"}},
}

// Deepgram: api.deepgram.com, for API keys; its short-lived tokens are sent by
// [auth.Bearer].
var Deepgram = Profile{
	Name: "deepgram", Title: "Deepgram", BaseURL: "https://api.deepgram.com",
	Scheme:  word{"Token", "Token "},
	Env:     []string{"DEEPGRAM_API_KEY"},
	Docs:    "https://developers.deepgram.com/reference/authentication",
	KeysURL: "https://console.deepgram.com/",
	Sources: []Source{{"host, scheme and variable", "https://github.com/deepgram/deepgram-python-sdk/blob/main/src/deepgram/core/client_wrapper.py", "2026-07-22"}},
}

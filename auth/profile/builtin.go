package profile

// builtin are the profiles that For knows.
var builtin = []*Profile{
	&OpenAI, &Anthropic, &AzureOpenAI, &Gemini, &Mistral, &Groq, &XAI, &Cohere, &OpenRouter, &Together, &Replicate, &HuggingFace, &ElevenLabs, &Deepgram,
	&GoogleMaps, &GoogleAPIs,
	&GitHub, &GitLab, &NPM, &Sentry, &Linear, &Figma, &Buildkite,
	&DigitalOcean, &Hetzner, &Linode, &Cloudflare, &Fastly, &Heroku, &Vercel, &Netlify, &Ngrok, &NewRelic, &PagerDuty,
	&Slack, &Discord, &Notion, &Airtable, &Dropbox, &Atlassian, &HubSpot, &Shopify, &Okta,
	&Stripe, &Twilio, &SendGrid, &Mailgun, &Postmark,
}

package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// maxNesting is how deep brackets, signs and conditions may stand within each other. HCL's parser calls itself for each,
// and a file made for it would end the program, not only its own reading.
const maxNesting = 200

// ParseFile parses one file. What is nested deeper than anybody writes is an error like another.
func ParseFile(text []byte, name string) (*hcl.File, hcl.Diagnostics) {
	tokens, _ := hclsyntax.LexConfig(text, name, hcl.InitialPos) // the parser tells of what is no token
	if at, deep := tooDeep(tokens); deep {
		body := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}, SrcRange: at, EndRange: at}
		return &hcl.File{Body: body, Bytes: text}, hcl.Diagnostics{diagnostic(hcl.DiagError, nestedTooDeep, at,
			"Brackets, signs or conditions stand more than 200 deep within each other here. Take them apart.")}
	}
	return hclsyntax.ParseConfig(text, name, hcl.InitialPos)
}

// tooDeep finds where nesting passes the limit.
func tooDeep(tokens hclsyntax.Tokens) (at hcl.Range, deep bool) {
	brackets, signs, conditions := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp,
			hclsyntax.TokenTemplateControl, hclsyntax.TokenOQuote:
			brackets++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenCQuote:
			brackets--
		case hclsyntax.TokenBang, hclsyntax.TokenMinus:
			signs++
		case hclsyntax.TokenQuestion:
			conditions++
		case hclsyntax.TokenNewline:
			if brackets <= 2 { // between attributes, not inside of one
				conditions = 0
			}
		}
		if t.Type != hclsyntax.TokenBang && t.Type != hclsyntax.TokenMinus {
			signs = 0
		}
		if brackets > maxNesting || signs > maxNesting || conditions > maxNesting {
			return t.Range, true
		}
	}
	return hcl.Range{}, false
}

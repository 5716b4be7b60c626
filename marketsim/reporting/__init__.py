"""Everything a person looks at: text, figures, pages."""

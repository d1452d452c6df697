-- The library is loaded with the server and its settings are its own.
SHOW shared_preload_libraries;
SELECT extname, extversion FROM pg_extension WHERE extname = 'privseg';

-- a misspelt setting is an error, not a placeholder
SET privseg.purpos = 'marketing';

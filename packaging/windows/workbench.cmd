@echo off
rem Start the workbench that lies beside this file on the command line, with nothing of another Python or Qt in its way.
setlocal
for %%V in (PYTHONHOME PYTHONPATH PYTHONSTARTUP PYTHONUSERBASE PYTHONEXECUTABLE PYTHONPYCACHEPREFIX PYTHONOPTIMIZE QT_PLUGIN_PATH QT_QPA_PLATFORM_PLUGIN_PATH QT_STYLE_OVERRIDE) do set "%%V="
"%~dp0..\python\python.exe" -E -s -P -m workbench %*

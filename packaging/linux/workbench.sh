#!/bin/sh
# Start the workbench that lies beside this file, wherever that is, with nothing of another Python or Qt in its way.
set -eu

here=$0
while [ -L "$here" ]; do
    link=$(readlink "$here")
    case $link in
        /*) here=$link ;;
        *) here=$(dirname "$here")/$link ;;
    esac
done
root=$(CDPATH='' cd -P "$(dirname "$here")/.." && pwd)

unset PYTHONHOME PYTHONPATH PYTHONSTARTUP PYTHONUSERBASE PYTHONEXECUTABLE PYTHONPLATLIBDIR PYTHONPYCACHEPREFIX \
    PYTHONSAFEPATH PYTHONNOUSERSITE PYTHONINSPECT PYTHONOPTIMIZE PYTHONDEBUG PYTHONWARNINGS PYTHONBREAKPOINT \
    QT_PLUGIN_PATH QT_QPA_PLATFORM_PLUGIN_PATH QT_QPA_PLATFORMTHEME QT_STYLE_OVERRIDE QML_IMPORT_PATH QML2_IMPORT_PATH
# CUDA's installer and ROS tell people to set this, and then another cuBLAS, OpenSSL or Qt is loaded than the one that
# the engine was built with. Where a driver is found by it alone, WB_KEEP_LD_LIBRARY_PATH=1 keeps it.
if [ -z "${WB_KEEP_LD_LIBRARY_PATH:-}" ]; then
    unset LD_LIBRARY_PATH
fi

# A file manager names a project's folder, or the database in it, with its whole path.
if [ $# -eq 1 ]; then
    case $1 in
        /*/project.db) set -- --project "${1%/project.db}" ;;
        /*) set -- --project "$1" ;;
    esac
fi

exec "$root/python/bin/python3.11" -E -s -P -m workbench "$@"

; Feedback Workbench for one person: no administrator is needed. packaging/installers/nsis.py defines the names below.
Unicode true
!ifdef FAST
  SetCompressor zlib
!else
  SetCompressor /SOLID lzma
!endif
RequestExecutionLevel user
ManifestDPIAware true
ManifestLongPathAware true

!define APP "Feedback Workbench"
!define KEY "Software\Microsoft\Windows\CurrentVersion\Uninstall\FeedbackWorkbench"
!define START '"$INSTDIR\python\pythonw.exe" -E -s -P -m workbench'

Name "${APP}"
OutFile "${OUT}"
InstallDir "$LOCALAPPDATA\Programs\Feedback Workbench"
InstallDirRegKey HKCU "${KEY}" "InstallLocation"
Icon "${ICON}"
UninstallIcon "${ICON}"
BrandingText "${APP} ${VERSION} (${EDITION} edition)"
VIProductVersion "${NUMBERS}"
VIAddVersionKey ProductName "${APP}"
VIAddVersionKey ProductVersion "${VERSION}"
VIAddVersionKey FileVersion "${VERSION}"
VIAddVersionKey FileDescription "${APP} setup"
VIAddVersionKey LegalCopyright "Apache-2.0"

Page directory
Page instfiles
UninstPage uninstConfirm
UninstPage instfiles

; Only what a setup of ours put there, and never the folder as a whole: somebody may keep files of their own in it.
; Projects, models and added engines lie in the person's data folder and are not touched.
!macro RemoveOurs
  RMDir /r "$INSTDIR\python"
  RMDir /r "$INSTDIR\app"
  RMDir /r "$INSTDIR\bin"
  RMDir /r "$INSTDIR\locks"
  RMDir /r "$INSTDIR\engine"
  Delete "$INSTDIR\bundle.json"
  Delete "$INSTDIR\sbom.cdx.json"
  Delete "$INSTDIR\THIRD_PARTY_LICENSES"
  Delete "$INSTDIR\LICENSE"
  Delete "$INSTDIR\workbench.ico"
!macroend

; A file that is in use cannot be deleted: the app is running.
!macro RefuseWhileOpen
  ClearErrors
  IfFileExists "$INSTDIR\python\pythonw.exe" 0 +5
    Delete "$INSTDIR\python\pythonw.exe"
    IfErrors 0 +3
      MessageBox MB_OK|MB_ICONEXCLAMATION "${APP} is open. Close its window, and try again." /SD IDOK
      Abort
!macroend

Section
  !insertmacro RefuseWhileOpen
  ; Files of an older version beside those of the new one would be imported.
  !insertmacro RemoveOurs
  SetOutPath "$INSTDIR"
  File /r "${FILES}"
  File "/oname=workbench.ico" "${ICON}"
  WriteUninstaller "$INSTDIR\uninstall.exe"

  CreateShortCut "$SMPROGRAMS\${APP}.lnk" "$INSTDIR\python\pythonw.exe" "-E -s -P -m workbench" "$INSTDIR\workbench.ico"
  WriteRegStr HKCU "Software\Classes\Directory\shell\FeedbackWorkbench" "" "Open in Feedback Workbench"
  WriteRegStr HKCU "Software\Classes\Directory\shell\FeedbackWorkbench" "Icon" "$INSTDIR\workbench.ico"
  WriteRegStr HKCU "Software\Classes\Directory\shell\FeedbackWorkbench\command" "" '${START} --project "%1"'

  WriteRegStr HKCU "${KEY}" "DisplayName" "${APP}"
  WriteRegStr HKCU "${KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${KEY}" "DisplayIcon" "$INSTDIR\workbench.ico"
  WriteRegStr HKCU "${KEY}" "Publisher" "Feedback Workbench maintainers"
  WriteRegStr HKCU "${KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${KEY}" "EstimatedSize" "${KIB}"
  WriteRegDWORD HKCU "${KEY}" "NoModify" 1
  WriteRegDWORD HKCU "${KEY}" "NoRepair" 1
SectionEnd

Section Uninstall
  !insertmacro RefuseWhileOpen
  !insertmacro RemoveOurs
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  Delete "$SMPROGRAMS\${APP}.lnk"
  DeleteRegKey HKCU "Software\Classes\Directory\shell\FeedbackWorkbench"
  DeleteRegKey HKCU "${KEY}"
SectionEnd

namespace PortForward.Cli.Files;

/// <summary>
/// Environment variables that decide which code a program loads or runs, which files it takes for its own, whom it trusts, or where its traffic goes. Only a file that
/// somebody has named may set them; docs/pf-yaml.md has the same list.
/// </summary>
internal static class GuardedVariables
{
    /// <summary>The names, and beginnings of names where a star ends them. Case does not count, as on Windows.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        // Loaders and the C library
        "LD_*", "DYLD_*", "GCONV_PATH", "LOCPATH", "NLSPATH", "GLIBC_*", "MALLOC_*", "LIBC_*", "RES_OPTIONS", "HOSTALIASES", "LOCALDOMAIN", "TZDIR", "OPENSSL_*", "KRB5*", "GSS_*", "SASL_PATH",

        // Shells and the search for programs
        "PATH", "PATHEXT", "COMSPEC", "SHELL", "BASH*", "ENV", "ZDOTDIR", "FPATH", "CDPATH", "IFS", "PS0", "PS1", "PS2", "PS3", "PS4", "PROMPT*", "SHELLOPTS", "GLOBIGNORE", "INPUTRC", "HISTFILE", "KSH_*", "FISH_*", "PSMODULEPATH", "TERMINFO*", "TERMCAP", "TERMPATH",

        // Where programs find what is the user's
        "HOME", "HOMEDRIVE", "HOMEPATH", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES*", "COMMONPROGRAMFILES*", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "XDG_*", "TMPDIR", "TMP", "TEMP", "USER", "LOGNAME", "PWD",

        // Programs that other programs start
        "EDITOR", "VISUAL", "PAGER", "MANPAGER", "*BROWSER", "LESS*", "*_EDITOR", "*_PAGER", "*_ASKPASS", "GIT_*", "SSH_*", "RSYNC_*", "SUDO_*", "SYSTEMD_*", "SVN_SSH", "CVS_RSH", "HGRCPATH", "VIMINIT", "EXINIT", "TAR_OPTIONS", "RIPGREP_CONFIG_PATH", "FZF_*", "GH_*",
        "PUPPETEER_*", "PLAYWRIGHT_*", "PSQLRC", "PGSERVICE*", "PGSYSCONFDIR", "PGPASSFILE", "PGSSL*", "PGGSS*", "PGREQUIRE*", "LIBMYSQL_*", "MYSQL_HOME", "SQLITE_*",

        // Runtimes and their packages
        "NODE_*", "NPM_*", "YARN_*", "PNPM_*", "COREPACK_*", "BUN_*", "DENO_*", "ELECTRON_*", "PYTHON*", "PIP_*", "UV_*", "POETRY_*", "CONDA_*", "VIRTUAL_ENV", "PERL*", "RUBY*", "GEM_*", "BUNDLE_*", "PHPRC", "PHP_INI_SCAN_DIR", "COMPOSER_*", "LUA_*",
        "JAVA_HOME", "*_JAVA_OPTIONS", "JAVA_OPTS", "JAVA_TOOL_OPTIONS", "JDK_*", "CLASSPATH", "CATALINA_*", "MAVEN_*", "MVNW_*", "GRADLE_*", "SBT_OPTS", "ANT_*", "SCALA_*", "KOTLIN_*", "DOTNET_*", "CORECLR_*", "COR_*", "COMPLUS_*", "NUGET_*", "MSBUILD*", "ASPNETCORE_HOSTINGSTARTUP*",
        "GO111MODULE", "GOAUTH", "GOBIN", "GOCACHE*", "GODEBUG", "GOENV", "GOEXPERIMENT", "GOFLAGS", "GOINSECURE", "GOMOD*", "GONO*", "GOPACKAGESDRIVER", "GOPATH", "GOPRIVATE", "GOPROXY",
        "GOROOT*", "GOSUMDB", "GOTMPDIR", "GOTOOL*", "GOVCS", "GOWORK", "GO_*", "GOLANGCI_*", "CGO_*", "CARGO*", "RUST*", "ERL_*", "ELIXIR_*", "MIX_*", "JULIA_*", "R_*", "TCLLIBPATH", "OCAML*", "CAML*", "GHC*", "R_PROFILE*",
        "MAKEFLAGS", "MAKEFILES", "GNUMAKEFLAGS", "CC", "CXX", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "GCC_EXEC_PREFIX", "COMPILER_PATH", "CPATH", "*_INCLUDE_PATH", "LIBRARY_PATH", "CMAKE_*", "PKG_CONFIG*", "GTK_*", "GIO_*", "GST_*", "QT_*", "QML*", "VK_*", "MESA_*", "GDK_*",

        // Clusters, clouds and containers
        "KUBE*", "HELM_*", "DOCKER_*", "COMPOSE_*", "CONTAINER_*", "BUILDKIT_*", "AWS_*", "AZURE_*", "CLOUDSDK_*", "GOOGLE_*", "VAULT_*", "TF_*", "TERRAGRUNT_*", "TG_*", "PACKER_*", "ANSIBLE_*",

        // Whom to trust, and where traffic goes
        "*_PROXY", "SSL_*", "SSLKEYLOGFILE", "GNUPGHOME", "CURL_*", "WGETRC", "REQUESTS_*", "*_CA_BUNDLE", "*_CA_CERT*", "*_CA_FILE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    ];

    /// <summary>Where clients of databases go, with the user's own password: only to a forward, or to this machine.</summary>
    public static IReadOnlyList<string> Hosts { get; } = ["PGHOST", "PGHOSTADDR", "MYSQL_HOST"];

    /// <summary>Whether a variable is one of them.</summary>
    public static bool Contains(string name) => Names.Any(pattern => pattern switch
    {
        ['*', .. var end] => EndsWith(name, end.TrimEnd('*'), mayGoOn: end.EndsWith('*')),
        [.. var start, '*'] => name.StartsWith(start, StringComparison.OrdinalIgnoreCase),
        _ => name.Equals(pattern, StringComparison.OrdinalIgnoreCase),
    });

    private static bool EndsWith(string name, string end, bool mayGoOn) =>
        mayGoOn ? name.Contains(end, StringComparison.OrdinalIgnoreCase) : name.EndsWith(end, StringComparison.OrdinalIgnoreCase);
}
